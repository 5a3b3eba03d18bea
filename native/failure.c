/* A failed system call as a JavaScript error. */
#include "addon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fail(struct failure *failure, const char *call) {
  failure->error = errno;
  failure->call = call;
  return -1;
}

static void name_of_errno(int error, char *name, size_t size) {
#ifdef __GLIBC__
  const char *known = strerrorname_np(error);
  if (known != NULL) {
    snprintf(name, size, "%s", known);
    return;
  }
#endif
  uv_err_name_r(-error, name, size);
}

napi_value failure_to_error(napi_env env, const struct failure *failure) {
  char name[64];
  char reason[128];
  char message[256];
  napi_value code, text, call, error, number;
  name_of_errno(failure->error, name, sizeof name);
  uv_strerror_r(-failure->error, reason, sizeof reason);
  snprintf(message, sizeof message, "%s: %s (%s)", failure->call, reason, name);
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code) != napi_ok ||
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) != napi_ok ||
      napi_create_string_utf8(env, failure->call, NAPI_AUTO_LENGTH, &call) != napi_ok ||
      napi_create_error(env, code, text, &error) != napi_ok ||
      napi_create_int32(env, failure->error, &number) != napi_ok ||
      napi_set_named_property(env, error, "errno", number) != napi_ok ||
      napi_set_named_property(env, error, "syscall", call) != napi_ok) {
    return NULL;
  }
  return error;
}

napi_value throw_failure(napi_env env, const struct failure *failure) {
  napi_value error = failure_to_error(env, failure);
  if (error != NULL) {
    napi_throw(env, error);
  }
  return NULL;
}
