/*
 * Network namespaces: entering one for a single call, and the named ones of `ip netns`.
 *
 * setns() and unshare() change the calling thread for good. They run on a thread that exists only for that
 * call, never on Node's threads and never on libuv's pool.
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAMESPACE_FOLDER "/run/netns"
/* As long as another `ip netns add` may hold the folder's lock. */
#define LOCK_ATTEMPTS 400
#define LOCK_PAUSE_NANOSECONDS 5000000L
/* libnftables keeps messages of 68 KiB each on the stack; what is not touched costs nothing. */
#define STACK_BYTES (1024 * 1024)

struct task {
  int network_namespace;
  int (*run)(void *, struct failure *);
  void *argument;
  struct failure *failure;
  int result;
};

int start_thread(uv_thread_t *thread, void *(*run)(void *), void *argument) {
  sigset_t all, before;
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) {
    return error;
  }
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

static void *task_main(void *argument) {
  struct task *task = argument;
  if (setns(task->network_namespace, CLONE_NEWNET) < 0) {
    task->result = fail(task->failure, "setns");
  } else {
    task->result = task->run(task->argument, task->failure);
  }
  return NULL;
}

static void *plain_main(void *argument) {
  struct task *task = argument;
  task->result = task->run(task->argument, task->failure);
  return NULL;
}

static int run_on_thread(struct task *task, void *(*run)(void *)) {
  uv_thread_t thread;
  int error = start_thread(&thread, run, task);
  if (error != 0) {
    errno = error;
    return fail(task->failure, "pthread_create");
  }
  pthread_join(thread, NULL);
  return task->result;
}

int run_in_namespace(int network_namespace, int (*run)(void *, struct failure *), void *argument,
                     struct failure *failure) {
  if (network_namespace < 0) {
    return run(argument, failure);
  }
  return run_on_own_thread(network_namespace, run, argument, failure);
}

int run_on_own_thread(int network_namespace, int (*run)(void *, struct failure *), void *argument,
                      struct failure *failure) {
  struct task task = {network_namespace, run, argument, failure, -1};
  return run_on_thread(&task, network_namespace < 0 ? plain_main : task_main);
}

struct socket_request {
  int family;
  int type;
  int protocol;
};

static int open_socket(void *argument, struct failure *failure) {
  const struct socket_request *request = argument;
  int descriptor = socket(request->family, request->type | SOCK_CLOEXEC, request->protocol);
  return descriptor < 0 ? fail(failure, "socket") : descriptor;
}

int open_socket_in_namespace(int network_namespace, int family, int type, int protocol, struct failure *failure) {
  struct socket_request request = {family, type, protocol};
  return run_in_namespace(network_namespace, open_socket, &request, failure);
}

/* openNamespace(path): descriptor. O_NONBLOCK so that a FIFO of that name cannot hold us up. */
static napi_value open_namespace(napi_env env, napi_callback_info info) {
  napi_value values[1];
  char path[PATH_MAX];
  struct failure failure;
  if (!get_arguments(env, info, 1, values) || !get_text(env, values[0], path, sizeof path)) {
    return NULL;
  }
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    fail(&failure, "open");
    return throw_failure(env, &failure);
  }
  int kind = ioctl(descriptor, NS_GET_NSTYPE);
  if (kind != CLONE_NEWNET) {
    /* ENOTTY: no namespace at all. EINVAL: a namespace of another kind. */
    if (kind >= 0) {
      errno = EINVAL;
    }
    fail(&failure, "ioctl(NS_GET_NSTYPE)");
    close(descriptor);
    return throw_failure(env, &failure);
  }
  return make_int(env, descriptor);
}

/*
 * Makes /run/netns a shared mount of its own, so that a namespace mounted there is seen by every mount
 * namespace that copied this one. The same steps as `ip netns add`, under the same lock.
 */
static int prepare_folder(struct failure *failure) {
  if (mkdir(NAMESPACE_FOLDER, 0755) < 0 && errno != EEXIST) {
    return fail(failure, "mkdir");
  }
  int lock = open(NAMESPACE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) {
    return fail(failure, "open");
  }
  int attempts = LOCK_ATTEMPTS;
  while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EINTR && (errno != EWOULDBLOCK || --attempts == 0)) {
      fail(failure, "flock");
      close(lock);
      return -1;
    }
    nanosleep(&(struct timespec){0, LOCK_PAUSE_NANOSECONDS}, NULL);
  }
  int result = 0;
  if (mount("", NAMESPACE_FOLDER, "none", MS_SHARED | MS_REC, NULL) < 0) {
    /* EINVAL: not a mount point yet. */
    if (errno != EINVAL || mount(NAMESPACE_FOLDER, NAMESPACE_FOLDER, "none", MS_BIND | MS_REC, NULL) < 0 ||
        mount("", NAMESPACE_FOLDER, "none", MS_SHARED | MS_REC, NULL) < 0) {
      result = fail(failure, "mount");
    }
  }
  close(lock);
  return result;
}

static int mount_new_namespace(void *argument, struct failure *failure) {
  const char *path = argument;
  if (unshare(CLONE_NEWNET) < 0) {
    return fail(failure, "unshare");
  }
  if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) < 0) {
    return fail(failure, "mount");
  }
  return 0;
}

static int create_named(const char *path, struct failure *failure) {
  if (prepare_folder(failure) < 0) {
    return -1;
  }
  int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (file < 0) {
    return fail(failure, "open");
  }
  close(file);
  struct task task = {-1, mount_new_namespace, (void *)path, failure, -1};
  if (run_on_thread(&task, plain_main) < 0) {
    umount2(path, MNT_DETACH);
    unlink(path);
    return -1;
  }
  return 0;
}

/* Also removes the plain file that a creation killed halfway leaves behind. */
static int delete_named(const char *path, struct failure *failure) {
  while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    /* A namespace can be mounted more than once on one file. */
  }
  if (errno != EINVAL && errno != ENOENT) {
    return fail(failure, "umount2");
  }
  return unlink(path) < 0 ? fail(failure, "unlink") : 0;
}

static napi_value named(napi_env env, napi_callback_info info, int (*run)(const char *, struct failure *)) {
  napi_value values[1];
  char name[NAME_MAX + 1];
  char path[sizeof NAMESPACE_FOLDER + sizeof name];
  struct failure failure;
  if (!get_arguments(env, info, 1, values) || !get_text(env, values[0], name, sizeof name)) {
    return NULL;
  }
  snprintf(path, sizeof path, "%s/%s", NAMESPACE_FOLDER, name);
  return run(path, &failure) < 0 ? throw_failure(env, &failure) : make_undefined(env);
}

/* createNamespace(name) */
static napi_value create_namespace(napi_env env, napi_callback_info info) {
  return named(env, info, create_named);
}

/* deleteNamespace(name) */
static napi_value delete_namespace(napi_env env, napi_callback_info info) {
  return named(env, info, delete_named);
}

struct file_request {
  const char *path;
  int flags;
};

static int open_file(void *argument, struct failure *failure) {
  const struct file_request *request = argument;
  int descriptor = open(request->path, request->flags | O_CLOEXEC, 0600);
  return descriptor < 0 ? fail(failure, "open") : descriptor;
}

/* openFileInNamespace(namespace, path, flags): descriptor */
static napi_value open_file_in_namespace(napi_env env, napi_callback_info info) {
  napi_value values[3];
  char path[PATH_MAX];
  int network_namespace;
  struct file_request request = {path, 0};
  struct failure failure;
  if (!get_arguments(env, info, 3, values) || !get_int(env, values[0], &network_namespace) ||
      !get_text(env, values[1], path, sizeof path) || !get_int(env, values[2], &request.flags)) {
    return NULL;
  }
  return descriptor_or_throw(env, run_in_namespace(network_namespace, open_file, &request, &failure), &failure);
}

napi_status namespace_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("openNamespace", open_namespace),
      FUNCTION("createNamespace", create_namespace),
      FUNCTION("deleteNamespace", delete_namespace),
      FUNCTION("openFileInNamespace", open_file_in_namespace),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
