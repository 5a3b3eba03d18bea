/*
 * Loaded before virtiofsd (QEMU 7.2) in the user namespace of an ordinary user, where two of its habits fail:
 * it drops its groups, which such a namespace forbids, and it opens files as the guest asks, where an overlay
 * asks for O_NOATIME, which only a file's owner may use.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

int setgroups(size_t count, const gid_t *groups) {
  (void)count;
  (void)groups;
  return 0;
}

int openat64(int folder, const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return (int)syscall(SYS_openat, folder, path, flags & ~O_NOATIME, mode);
}

int openat(int folder, const char *path, int flags, ...) __attribute__((alias("openat64")));

int __openat64_2(int folder, const char *path, int flags) {
  return openat64(folder, path, flags);
}
