/*
 * nft's own library, libnftables, which reads and writes nft's language: what `nft -f -` does without a process for
 * it. It is opened when it is first used, so that a host without nft can load the addon.
 *
 * Calls follow each other: the library does not promise to be safe with several threads. Each has a thread of its own,
 * with descriptors of its own, so that nobody waits for the close of the library's socket: the kernel lets it wait for
 * whatever a transaction removed, 10 ms and more. The thread leaves a duplicate open and ends, which closes it when the
 * result is on its way already.
 */
#include "addon.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After the standard ones, in a table without others. */
#define FIRST_DESCRIPTOR 3

#define LIBRARY "libnftables.so.1"

/* nftables/libnftables.h, which is in no package that a host needs. */
struct nft_ctx;
enum { OUTPUT_STATELESS = 1 << 2, OUTPUT_JSON = 1 << 4 };

/* What the caller asks for. */
enum { ASKED_STATELESS = 1, ASKED_JSON = 2, ASKED_CHECK = 4 };

static struct {
  struct nft_ctx *(*open)(uint32_t flags);
  void (*close)(struct nft_ctx *context);
  int (*run)(struct nft_ctx *context, const char *commands);
  int (*keep_output)(struct nft_ctx *context);
  int (*keep_complaint)(struct nft_ctx *context);
  const char *(*output)(struct nft_ctx *context);
  const char *(*complaint)(struct nft_ctx *context);
  void (*set_output)(struct nft_ctx *context, unsigned int flags);
  void (*set_dry_run)(struct nft_ctx *context, bool dry);
} library;
static bool opened;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct nft_request {
  struct request base;
  int network_namespace;
  uint32_t asked;
  char *commands;
  char *text;
  bool refused;
};

/* Under the mutex. A library that was not there may have been installed since. */
static bool open_library(void) {
  const struct {
    const char *name;
    void **function;
  } functions[] = {
      {"nft_ctx_new", (void **)&library.open},
      {"nft_ctx_free", (void **)&library.close},
      {"nft_run_cmd_from_buffer", (void **)&library.run},
      {"nft_ctx_buffer_output", (void **)&library.keep_output},
      {"nft_ctx_buffer_error", (void **)&library.keep_complaint},
      {"nft_ctx_get_output_buffer", (void **)&library.output},
      {"nft_ctx_get_error_buffer", (void **)&library.complaint},
      {"nft_ctx_output_set_flags", (void **)&library.set_output},
      {"nft_ctx_set_dry_run", (void **)&library.set_dry_run},
  };
  if (opened) {
    return true;
  }
  void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    return false;
  }
  for (size_t index = 0; index < sizeof functions / sizeof *functions; index++) {
    *functions[index].function = dlsym(handle, functions[index].name);
    if (*functions[index].function == NULL) {
      dlclose(handle);
      return false;
    }
  }
  opened = true;
  return true;
}

static int perform(struct nft_request *nft, struct failure *failure) {
  /* Linux 5.11. Without it the descriptors are shared, and the close takes its time. */
  bool alone = close_range(FIRST_DESCRIPTOR, ~0U, CLOSE_RANGE_UNSHARE) == 0;
  if (!open_library()) {
    errno = ENOPKG;
    return fail(failure, "dlopen(" LIBRARY ")");
  }
  /* The library ends the whole process when the kernel has no such sockets. */
  int probe = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (probe < 0) {
    return fail(failure, "socket(NETLINK_NETFILTER)");
  }
  close(probe);
  struct nft_ctx *context = library.open(0);
  if (context == NULL || library.keep_output(context) != 0 || library.keep_complaint(context) != 0) {
    if (context != NULL) {
      library.close(context);
    }
    errno = ENOMEM;
    return fail(failure, "nft_ctx_new");
  }
  library.set_output(context, (nft->asked & ASKED_STATELESS ? OUTPUT_STATELESS : 0) |
                                  (nft->asked & ASKED_JSON ? OUTPUT_JSON : 0));
  library.set_dry_run(context, (nft->asked & ASKED_CHECK) != 0);
  nft->refused = library.run(context, nft->commands) != 0;
  nft->text = strdup(nft->refused ? library.complaint(context) : library.output(context));
  if (alone) {
    dup(FIRST_DESCRIPTOR);
  }
  library.close(context);
  if (nft->text == NULL) {
    return fail(failure, "strdup");
  }
  return 0;
}

static int run_commands(void *argument, struct failure *failure) {
  pthread_mutex_lock(&mutex);
  int result = perform(argument, failure);
  pthread_mutex_unlock(&mutex);
  return result;
}

static void nft_work(struct request *request, int cancel) {
  struct nft_request *nft = (struct nft_request *)request;
  (void)cancel;
  run_on_own_thread(nft->network_namespace, run_commands, nft, &request->failure);
  if (nft->network_namespace >= 0) {
    close(nft->network_namespace);
    nft->network_namespace = -1;
  }
}

static napi_value nft_result(napi_env env, struct request *request) {
  struct nft_request *nft = (struct nft_request *)request;
  napi_value result, text;
  if (napi_create_object(env, &result) != napi_ok ||
      napi_create_string_utf8(env, nft->text, NAPI_AUTO_LENGTH, &text) != napi_ok ||
      napi_set_named_property(env, result, nft->refused ? "complaint" : "output", text) != napi_ok) {
    return NULL;
  }
  return result;
}

static void nft_release(napi_env env, struct request *request) {
  struct nft_request *nft = (struct nft_request *)request;
  (void)env;
  if (nft->network_namespace >= 0) {
    close(nft->network_namespace);
  }
  free(nft->commands);
  free(nft->text);
  free(nft);
}

/* A copy of the string, NULL with an exception pending. */
static char *copy_text(napi_env env, napi_value value) {
  size_t length;
  char *text = NULL;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || (text = malloc(length + 1)) == NULL ||
      !get_text(env, value, text, length + 1)) {
    bool pending = false;
    free(text);
    napi_is_exception_pending(env, &pending);
    if (!pending) {
      napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "expected a string");
    }
    return NULL;
  }
  return text;
}

/*
 * runNft(namespace, commands, asked, callback(error, {output} or {complaint})). Works on a duplicate of the descriptor;
 * -1 is our own namespace.
 */
static napi_value run_nft(napi_env env, napi_callback_info info) {
  napi_value values[4];
  int network_namespace;
  uint32_t asked;
  struct failure failure;
  if (!get_arguments(env, info, 4, values) || !get_int(env, values[0], &network_namespace) ||
      !get_uint(env, values[2], &asked)) {
    return NULL;
  }
  char *commands = copy_text(env, values[1]);
  if (commands == NULL) {
    return NULL;
  }
  struct nft_request *nft = calloc(1, sizeof *nft);
  if (nft == NULL) {
    fail(&failure, "calloc");
    free(commands);
    return throw_failure(env, &failure);
  }
  nft->base.work = nft_work;
  nft->base.result = nft_result;
  nft->base.release = nft_release;
  nft->commands = commands;
  nft->asked = asked;
  nft->network_namespace = network_namespace < 0 ? -1 : fcntl(network_namespace, F_DUPFD_CLOEXEC, 0);
  if (network_namespace >= 0 && nft->network_namespace < 0) {
    fail(&failure, "fcntl(F_DUPFD_CLOEXEC)");
    nft_release(env, &nft->base);
    return throw_failure(env, &failure);
  }
  return worker_submit(env, WORKER_KERNEL, &nft->base, values[3]) ? make_undefined(env) : NULL;
}

napi_status nft_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("runNft", run_nft),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
