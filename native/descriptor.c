/* Descriptors: closing, syncing to disk, and passing them over a Unix socket (SCM_RIGHTS, unix(7)). */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

/* SCM_MAX_FD of the kernel (include/net/scm.h). */
#define MAXIMUM_DESCRIPTORS 253

/* closeDescriptor(descriptor) */
static napi_value close_descriptor(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int descriptor;
  struct failure failure;
  if (!get_arguments(env, info, 1, values) || !get_int(env, values[0], &descriptor)) {
    return NULL;
  }
  /* On Linux the descriptor is gone even after EINTR. */
  if (close(descriptor) < 0 && errno != EINTR) {
    fail(&failure, "close");
    return throw_failure(env, &failure);
  }
  return make_undefined(env);
}

/* lockDescriptor(descriptor): true, or false when somebody else holds the lock. Ends with the last descriptor. */
static napi_value lock_descriptor(napi_env env, napi_callback_info info) {
  napi_value values[1];
  napi_value result = NULL;
  int descriptor;
  struct failure failure;
  if (!get_arguments(env, info, 1, values) || !get_int(env, values[0], &descriptor)) {
    return NULL;
  }
  bool locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) {
    fail(&failure, "flock");
    return throw_failure(env, &failure);
  }
  napi_get_boolean(env, locked, &result);
  return result;
}

struct sync_request {
  struct request base;
  int descriptor;
};

static void sync_work(struct request *request, int cancel) {
  struct sync_request *sync = (struct sync_request *)request;
  (void)cancel;
  int result;
  do {
    result = fdatasync(sync->descriptor);
  } while (result < 0 && errno == EINTR);
  if (result < 0) {
    fail(&request->failure, "fdatasync");
  }
  close(sync->descriptor);
  sync->descriptor = -1;
}

static void sync_release(napi_env env, struct request *request) {
  struct sync_request *sync = (struct sync_request *)request;
  (void)env;
  if (sync->descriptor >= 0) {
    close(sync->descriptor);
  }
  free(sync);
}

/* fdatasync(descriptor, callback(error)). Works on a duplicate, so the caller may close its own. */
static napi_value sync_data(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int descriptor;
  struct failure failure;
  if (!get_arguments(env, info, 2, values) || !get_int(env, values[0], &descriptor)) {
    return NULL;
  }
  struct sync_request *sync = calloc(1, sizeof *sync);
  if (sync == NULL) {
    fail(&failure, "calloc");
    return throw_failure(env, &failure);
  }
  sync->base.work = sync_work;
  sync->base.release = sync_release;
  sync->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (sync->descriptor < 0) {
    fail(&failure, "fcntl(F_DUPFD_CLOEXEC)");
    free(sync);
    return throw_failure(env, &failure);
  }
  return worker_submit(env, WORKER_DISK, &sync->base, values[1]) ? make_undefined(env) : NULL;
}

union descriptor_control {
  struct cmsghdr header;
  char space[CMSG_SPACE(MAXIMUM_DESCRIPTORS * sizeof(int))];
};

static bool get_descriptors(napi_env env, napi_value array, int *descriptors, uint32_t *count) {
  napi_value element;
  if (napi_get_array_length(env, array, count) != napi_ok || *count > MAXIMUM_DESCRIPTORS) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_VALUE", "expected an array of at most 253 descriptors");
    return false;
  }
  for (uint32_t index = 0; index < *count; index++) {
    if (napi_get_element(env, array, index, &element) != napi_ok || !get_int(env, element, &descriptors[index])) {
      return false;
    }
  }
  return true;
}

/* sendDescriptors(socket, descriptors, payload): bytes of the payload that were sent */
static napi_value send_descriptors(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int socket_descriptor;
  int descriptors[MAXIMUM_DESCRIPTORS];
  uint32_t count;
  struct bytes payload;
  struct failure failure;
  if (!get_arguments(env, info, 3, values) || !get_int(env, values[0], &socket_descriptor) ||
      !get_descriptors(env, values[1], descriptors, &count) || !get_bytes(env, values[2], &payload)) {
    return NULL;
  }
  union descriptor_control control;
  memset(&control, 0, sizeof control);
  struct iovec vector = {payload.data, payload.length};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket_descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    fail(&failure, "sendmsg");
    return throw_failure(env, &failure);
  }
  return make_int(env, sent);
}

napi_status descriptor_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("closeDescriptor", close_descriptor),
      FUNCTION("lockDescriptor", lock_descriptor),
      FUNCTION("fdatasync", sync_data),
      FUNCTION("sendDescriptors", send_descriptors),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
