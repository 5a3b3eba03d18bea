/* Registration. */
#include "addon.h"

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  napi_status (*const parts[])(napi_env, napi_value) = {
      descriptor_exports, memory_exports, namespace_exports, netlink_exports, nft_exports,
      packet_exports,     reader_exports, send_exports,      socket_exports,  tap_exports,
  };
  if (environment_open(env) != napi_ok) {
    napi_throw_error(env, NULL, "netloom.node: no event loop or no memory");
    return NULL;
  }
  for (size_t index = 0; index < sizeof parts / sizeof *parts; index++) {
    if (parts[index](env, exports) != napi_ok) {
      napi_throw_error(env, NULL, "netloom.node: cannot define its functions");
      return NULL;
    }
  }
  return exports;
}
