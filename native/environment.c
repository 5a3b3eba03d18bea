/*
 * The life of one Node environment.
 *
 * An open libuv handle when a worker thread ends aborts the process, so an asynchronous cleanup hook closes
 * readers and workers first and lets Node go on when the loop has forgotten the last handle.
 */
#include "addon.h"

#include <stdlib.h>

static void finish(struct environment *environment) {
  if (environment->ending && environment->open_handles == 0 && environment->cleanup_hook != NULL) {
    napi_async_cleanup_hook_handle hook = environment->cleanup_hook;
    environment->cleanup_hook = NULL;
    napi_remove_async_cleanup_hook(hook);
  }
}

void environment_handle_closed(struct environment *environment) {
  environment->open_handles--;
  finish(environment);
}

static void end(napi_async_cleanup_hook_handle hook, void *argument) {
  struct environment *environment = argument;
  (void)hook;
  environment->ending = true;
  while (environment->readers != NULL) {
    reader_close(environment->readers);
  }
  worker_pool_close(environment->workers);
  finish(environment);
}

static void free_environment(napi_env env, void *data, void *hint) {
  struct environment *environment = data;
  (void)env;
  (void)hint;
  free(environment->room);
  free(environment);
}

napi_status environment_open(napi_env env) {
  struct environment *environment = calloc(1, sizeof *environment);
  if (environment == NULL) {
    return napi_generic_failure;
  }
  environment->env = env;
  napi_status status = napi_get_uv_event_loop(env, &environment->loop);
  if (status == napi_ok) {
    status = napi_set_instance_data(env, environment, free_environment, NULL);
  }
  if (status != napi_ok) {
    free(environment);
    return status;
  }
  environment->workers = worker_pool_open(environment);
  if (environment->workers == NULL) {
    return napi_generic_failure;
  }
  status = napi_add_async_cleanup_hook(env, end, environment, &environment->cleanup_hook);
  if (status != napi_ok) {
    worker_pool_close(environment->workers);
  }
  return status;
}

struct environment *environment_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

void environment_call(struct environment *environment, napi_ref function, size_t count, const napi_value *arguments) {
  napi_env env = environment->env;
  napi_value callee, receiver, exception;
  if (napi_get_reference_value(env, function, &callee) != napi_ok || napi_get_global(env, &receiver) != napi_ok) {
    return;
  }
  if (napi_make_callback(env, NULL, receiver, callee, count, arguments, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}
