/* The C library's memory. */
#include "addon.h"

#include <malloc.h>

/* trimMemory(): gives pages of the heap that nobody uses back to the kernel, malloc_trim(3). */
static napi_value trim_memory(napi_env env, napi_callback_info info) {
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return make_undefined(env);
}

napi_status memory_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {FUNCTION("trimMemory", trim_memory)};
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
