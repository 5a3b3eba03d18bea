/* Sockets of any family: opening in a namespace, options and addresses as raw bytes. */
#include "addon.h"

#include <errno.h>
#include <sys/socket.h>

/* openSocket(namespace, family, type, protocol): descriptor; namespace -1 is the thread's own. */
static napi_value open_socket(napi_env env, napi_callback_info info) {
  napi_value values[4];
  int network_namespace, family, type, protocol;
  struct failure failure;
  if (!get_arguments(env, info, 4, values) || !get_int(env, values[0], &network_namespace) ||
      !get_int(env, values[1], &family) || !get_int(env, values[2], &type) || !get_int(env, values[3], &protocol)) {
    return NULL;
  }
  return descriptor_or_throw(env, open_socket_in_namespace(network_namespace, family, type, protocol, &failure),
                             &failure);
}

/* setSocketOption(descriptor, level, name, value) */
static napi_value set_socket_option(napi_env env, napi_callback_info info) {
  napi_value values[4];
  int descriptor, level, name;
  struct bytes value;
  struct failure failure;
  if (!get_arguments(env, info, 4, values) || !get_int(env, values[0], &descriptor) ||
      !get_int(env, values[1], &level) || !get_int(env, values[2], &name) || !get_bytes(env, values[3], &value)) {
    return NULL;
  }
  if (setsockopt(descriptor, level, name, value.data, (socklen_t)value.length) < 0) {
    fail(&failure, "setsockopt");
    return throw_failure(env, &failure);
  }
  return make_undefined(env);
}

/* bindSocket(descriptor, address): a sockaddr of the socket's family */
static napi_value bind_socket(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int descriptor;
  struct bytes address;
  struct failure failure;
  if (!get_arguments(env, info, 2, values) || !get_int(env, values[0], &descriptor) ||
      !get_bytes(env, values[1], &address)) {
    return NULL;
  }
  if (bind(descriptor, (const struct sockaddr *)address.data, (socklen_t)address.length) < 0) {
    fail(&failure, "bind");
    return throw_failure(env, &failure);
  }
  return make_undefined(env);
}

/* connectSocket(descriptor, address): a sockaddr of the socket's family */
static napi_value connect_socket(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int descriptor;
  struct bytes address;
  struct failure failure;
  if (!get_arguments(env, info, 2, values) || !get_int(env, values[0], &descriptor) ||
      !get_bytes(env, values[1], &address)) {
    return NULL;
  }
  if (connect(descriptor, (const struct sockaddr *)address.data, (socklen_t)address.length) < 0) {
    fail(&failure, "connect");
    return throw_failure(env, &failure);
  }
  return make_undefined(env);
}

/* What a datagram socket holds is at most a few thousand small datagrams. */
#define MOST_DRAINED 65536

/* Errors that wait at the socket come before its datagrams; both are thrown away. */
static void drain(int descriptor) {
  char byte;
  for (int count = 0; count < MOST_DRAINED; count++) {
    if (recv(descriptor, &byte, sizeof byte, MSG_DONTWAIT | MSG_TRUNC) < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
      return;
    }
  }
}

/*
 * reconnectSocket(descriptor, address): a datagram socket that was never bound by hand gets another peer, and another
 * port of its own. It has none in between, so that what was thrown away is all that came to the old one.
 */
static napi_value reconnect_socket(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int descriptor;
  struct bytes address;
  struct failure failure;
  const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  if (!get_arguments(env, info, 2, values) || !get_int(env, values[0], &descriptor) ||
      !get_bytes(env, values[1], &address)) {
    return NULL;
  }
  if (connect(descriptor, &nobody, sizeof nobody) < 0) {
    fail(&failure, "connect");
    return throw_failure(env, &failure);
  }
  drain(descriptor);
  if (connect(descriptor, (const struct sockaddr *)address.data, (socklen_t)address.length) < 0) {
    fail(&failure, "connect");
    return throw_failure(env, &failure);
  }
  return make_undefined(env);
}

napi_status socket_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("openSocket", open_socket),
      FUNCTION("setSocketOption", set_socket_option),
      FUNCTION("bindSocket", bind_socket),
      FUNCTION("connectSocket", connect_socket),
      FUNCTION("reconnectSocket", reconnect_socket),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
