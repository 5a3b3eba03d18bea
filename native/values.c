/* Reading the arguments of a call and making its results. */
#include "addon.h"

#include <string.h>

static bool wrong_type(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return false;
}

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || given < count) {
    return wrong_type(env, "too few arguments");
  }
  return true;
}

bool get_int(napi_env env, napi_value value, int *result) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || number < INT32_MIN || number > INT32_MAX ||
      number != (double)(int)number) {
    return wrong_type(env, "expected a 32-bit integer");
  }
  *result = (int)number;
  return true;
}

bool get_uint(napi_env env, napi_value value, uint32_t *result) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || number < 0 || number > UINT32_MAX ||
      number != (double)(uint32_t)number) {
    return wrong_type(env, "expected an unsigned 32-bit integer");
  }
  *result = (uint32_t)number;
  return true;
}

bool get_bool(napi_env env, napi_value value, bool *result) {
  return napi_get_value_bool(env, value, result) == napi_ok || wrong_type(env, "expected a boolean");
}

bool get_text(napi_env env, napi_value value, char *result, size_t size) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
    return wrong_type(env, "expected a string");
  }
  if (length >= size) {
    return wrong_type(env, "the string is too long");
  }
  if (napi_get_value_string_utf8(env, value, result, size, &length) != napi_ok) {
    return wrong_type(env, "expected a string");
  }
  if (strlen(result) != length) {
    return wrong_type(env, "the string holds a NUL character");
  }
  return true;
}

bool get_bytes(napi_env env, napi_value value, struct bytes *result) {
  bool typed = false;
  napi_typedarray_type type;
  void *data;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed ||
      napi_get_typedarray_info(env, value, &type, &result->length, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array) {
    return wrong_type(env, "expected a Uint8Array");
  }
  result->data = data;
  return true;
}

napi_value make_int(napi_env env, int64_t value) {
  napi_value result;
  return napi_create_int64(env, value, &result) == napi_ok ? result : NULL;
}

napi_value make_undefined(napi_env env) {
  napi_value result;
  return napi_get_undefined(env, &result) == napi_ok ? result : NULL;
}

napi_value descriptor_or_throw(napi_env env, int descriptor, const struct failure *failure) {
  return descriptor < 0 ? throw_failure(env, failure) : make_int(env, descriptor);
}

