/*
 * What the files of the addon share.
 *
 * The addon is a thin layer over system calls that Node cannot make itself. It parses nothing and decides
 * nothing: src/kernel/native.ts is its only importer and gives it a typed face.
 *
 * Three kinds of call:
 * - short ones run on the thread that calls;
 * - what needs another network namespace runs on a thread made for it alone (namespace.c), so no thread
 *   that lives on ever leaves its namespace;
 * - what blocks (configuration netlink, nft, fdatasync) runs on the addon's own workers (worker.c) and ends in a
 *   callback; sockets that receive are watched by the event loop (reader.c).
 *
 * Everything that lives longer than a call hangs on `struct environment`, one for each Node environment
 * (main thread or worker thread), and ends with it.
 */
#ifndef NETLOOM_ADDON_H
#define NETLOOM_ADDON_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* failure.c: a failed system call, before it becomes a JavaScript error. */
struct failure {
  int error;
  const char *call;
};

/* Keeps errno and the call's name; always -1. */
int fail(struct failure *failure, const char *call);
/* An Error with `code` ("EPERM"), `errno` (positive) and `syscall`. */
napi_value failure_to_error(napi_env env, const struct failure *failure);
/* Throws it; always NULL, so that a callback can return it. */
napi_value throw_failure(napi_env env, const struct failure *failure);

/* values.c: reading arguments. Each returns false with a TypeError pending. */
struct bytes {
  uint8_t *data;
  size_t length;
};

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);
bool get_int(napi_env env, napi_value value, int *result);
bool get_uint(napi_env env, napi_value value, uint32_t *result);
bool get_bool(napi_env env, napi_value value, bool *result);
/* A string without NUL that fits into `size` with its terminator. */
bool get_text(napi_env env, napi_value value, char *result, size_t size);
bool get_bytes(napi_env env, napi_value value, struct bytes *result);
napi_value make_int(napi_env env, int64_t value);
napi_value make_undefined(napi_env env);
/* A result of a call that gives a descriptor or fails. */
napi_value descriptor_or_throw(napi_env env, int descriptor, const struct failure *failure);

/* environment.c: what belongs to one Node environment. */
struct reader;
struct worker_pool;

struct environment {
  napi_env env;
  uv_loop_t *loop;
  napi_async_cleanup_hook_handle cleanup_hook;
  /* libuv handles whose memory the loop still knows. */
  size_t open_handles;
  bool ending;
  struct reader *readers;
  /* Of all readers; NULL before the first one. */
  struct reader_room *room;
  struct worker_pool *workers;
};

napi_status environment_open(napi_env env);
struct environment *environment_of(napi_env env);
/* To be called by every close callback of a libuv handle of this environment. */
void environment_handle_closed(struct environment *environment);
/* Calls a JavaScript function from the event loop; what it throws becomes an uncaught exception. */
void environment_call(struct environment *environment, napi_ref function, size_t count, const napi_value *arguments);

/* namespace.c */
/* Runs `run` on a thread of its own inside the network namespace, or on this thread when it is -1. */
int run_in_namespace(int network_namespace, int (*run)(void *, struct failure *), void *argument,
                     struct failure *failure);
/* The same on a thread of its own in any case. */
int run_on_own_thread(int network_namespace, int (*run)(void *, struct failure *), void *argument,
                      struct failure *failure);
/* socket() in a namespace, always close-on-exec. */
int open_socket_in_namespace(int network_namespace, int family, int type, int protocol, struct failure *failure);
/* Starts a joinable thread with all signals blocked; 0 or an errno. */
int start_thread(uv_thread_t *thread, void *(*run)(void *), void *argument);

/* worker.c: blocking requests on threads of the addon. */
enum worker_queue { WORKER_KERNEL, WORKER_DISK, WORKER_QUEUES };

struct request {
  struct request *next;
  struct failure failure;
  /*
   * On the worker. `cancel` becomes readable when the environment ends. Descriptors are closed here already, so that
   * none is left when the callback runs.
   */
  void (*work)(struct request *request, int cancel);
  /* On the loop after success: the callback's second argument. */
  napi_value (*result)(napi_env env, struct request *request);
  /* Frees what the request owns and the request itself. */
  void (*release)(napi_env env, struct request *request);
  napi_ref callback;
};

struct worker_pool *worker_pool_open(struct environment *environment);
/* Stops the threads, waits for them and drops what is left; the pool is freed by the loop. */
void worker_pool_close(struct worker_pool *pool);
/* Takes the request over in any case; false with an exception pending when it cannot run. */
bool worker_submit(napi_env env, enum worker_queue queue, struct request *request, napi_value callback);

/* reader.c */
void reader_close(struct reader *reader);

/* The functions each file adds to the exports. */
#define FUNCTION(name, function) {(name), NULL, (function), NULL, NULL, NULL, napi_default, NULL}

napi_status descriptor_exports(napi_env env, napi_value exports);
napi_status memory_exports(napi_env env, napi_value exports);
napi_status namespace_exports(napi_env env, napi_value exports);
napi_status netlink_exports(napi_env env, napi_value exports);
napi_status nft_exports(napi_env env, napi_value exports);
napi_status packet_exports(napi_env env, napi_value exports);
napi_status reader_exports(napi_env env, napi_value exports);
napi_status send_exports(napi_env env, napi_value exports);
napi_status socket_exports(napi_env env, napi_value exports);
napi_status tap_exports(napi_env env, napi_value exports);

#endif
