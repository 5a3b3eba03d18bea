/* TAP and TUN devices (linux/if_tun.h). */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct identity {
  bool given;
  uint32_t id;
};

struct tap_request {
  struct ifreq interface;
  struct identity owner;
  struct identity group;
  bool persist;
};

static int configure(int descriptor, struct tap_request *request, struct failure *failure) {
  if (ioctl(descriptor, TUNSETIFF, &request->interface) < 0) {
    return fail(failure, "ioctl(TUNSETIFF)");
  }
  if (request->owner.given && ioctl(descriptor, TUNSETOWNER, (unsigned long)request->owner.id) < 0) {
    return fail(failure, "ioctl(TUNSETOWNER)");
  }
  if (request->group.given && ioctl(descriptor, TUNSETGROUP, (unsigned long)request->group.id) < 0) {
    return fail(failure, "ioctl(TUNSETGROUP)");
  }
  /* Last: until now closing the descriptor takes a new device away again. */
  if (request->persist && ioctl(descriptor, TUNSETPERSIST, 1UL) < 0) {
    return fail(failure, "ioctl(TUNSETPERSIST)");
  }
  return 0;
}

/* The device belongs to the namespace of the thread that opens /dev/net/tun. */
static int open_device(void *argument, struct failure *failure) {
  int descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return fail(failure, "open(/dev/net/tun)");
  }
  if (configure(descriptor, argument, failure) < 0) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

static bool get_identity(napi_env env, napi_value value, struct identity *result) {
  napi_valuetype type;
  result->given = napi_typeof(env, value, &type) == napi_ok && type != napi_undefined;
  return !result->given || get_uint(env, value, &result->id);
}

/* openTap(namespace, name, flags, owner, group, persist): descriptor; owner and group may be undefined. */
static napi_value open_tap(napi_env env, napi_callback_info info) {
  napi_value values[6];
  int network_namespace;
  uint32_t flags;
  struct tap_request request;
  struct failure failure;
  memset(&request, 0, sizeof request);
  if (!get_arguments(env, info, 6, values) || !get_int(env, values[0], &network_namespace) ||
      !get_text(env, values[1], request.interface.ifr_name, IFNAMSIZ) || !get_uint(env, values[2], &flags) ||
      !get_identity(env, values[3], &request.owner) || !get_identity(env, values[4], &request.group) ||
      !get_bool(env, values[5], &request.persist)) {
    return NULL;
  }
  request.interface.ifr_flags = (short)flags;
  return descriptor_or_throw(env, run_in_namespace(network_namespace, open_device, &request, &failure), &failure);
}

napi_status tap_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("openTap", open_tap),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
