/*
 * Request and reply over a netlink socket, on a worker: the kernel executes a configuration request inside
 * sendmsg(), and deleting one link alone takes 16 ms.
 */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Room for one datagram of the kernel; dumps come in at most 32 KiB. */
#define DATAGRAM_ROOM (64 * 1024)

struct exchange {
  struct request base;
  int descriptor;
  struct bytes request;
  /* Not the caller's memory: JavaScript could detach that under the worker's hands. */
  struct bytes receive;
  napi_ref target;
  uint32_t minimum;
  uint32_t timeout_milliseconds;
  uint32_t *lengths;
  size_t count;
  size_t capacity;
  size_t used;
};

static int64_t now_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int send_request(struct exchange *exchange) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do {
    sent = sendto(exchange->descriptor, exchange->request.data, exchange->request.length, 0,
                  (const struct sockaddr *)&kernel, sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? fail(&exchange->base.failure, "sendto") : 0;
}

static int append_length(struct exchange *exchange, uint32_t length) {
  if (exchange->count == exchange->capacity) {
    size_t capacity = exchange->capacity == 0 ? 64 : exchange->capacity * 2;
    uint32_t *lengths = realloc(exchange->lengths, capacity * sizeof *lengths);
    if (lengths == NULL) {
      return fail(&exchange->base.failure, "realloc");
    }
    exchange->lengths = lengths;
    exchange->capacity = capacity;
  }
  exchange->lengths[exchange->count++] = length;
  exchange->used += length;
  return 0;
}

/* 1 received, 0 nothing there, -1 failed. What does not come from the kernel is dropped. */
static int receive_one(struct exchange *exchange) {
  struct failure *failure = &exchange->base.failure;
  for (;;) {
    struct sockaddr_nl peer = {0};
    struct iovec vector = {exchange->receive.data + exchange->used, exchange->receive.length - exchange->used};
    struct msghdr message = {
        .msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &vector, .msg_iovlen = 1};
    ssize_t length = recvmsg(exchange->descriptor, &message, MSG_DONTWAIT);
    if (length < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno == EAGAIN ? 0 : fail(failure, "recvmsg");
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      errno = EMSGSIZE;
      return fail(failure, "recvmsg");
    }
    if (peer.nl_pid == 0) {
      return append_length(exchange, (uint32_t)length) < 0 ? -1 : 1;
    }
  }
}

/* 1 readable, 0 time is up, -1 failed or cancelled. */
static int wait_readable(struct exchange *exchange, int cancel, int64_t deadline) {
  for (;;) {
    int64_t left = deadline - now_milliseconds();
    struct pollfd descriptors[2] = {{exchange->descriptor, POLLIN, 0}, {cancel, POLLIN, 0}};
    int ready = poll(descriptors, 2, left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
    if (ready < 0 && errno != EINTR) {
      return fail(&exchange->base.failure, "poll");
    }
    if (ready > 0 && descriptors[1].revents != 0) {
      errno = ECANCELED;
      return fail(&exchange->base.failure, "poll");
    }
    if (ready >= 0) {
      return ready > 0;
    }
  }
}

static void run_exchange(struct exchange *exchange, int cancel) {
  int64_t deadline = now_milliseconds() + exchange->timeout_milliseconds;
  if (exchange->request.length > 0 && send_request(exchange) < 0) {
    return;
  }
  while (exchange->receive.length - exchange->used >= DATAGRAM_ROOM) {
    int received = receive_one(exchange);
    if (received < 0) {
      return;
    }
    if (received == 0 && (exchange->count >= exchange->minimum || wait_readable(exchange, cancel, deadline) <= 0)) {
      return;
    }
  }
}

static void exchange_work(struct request *request, int cancel) {
  struct exchange *exchange = (struct exchange *)request;
  run_exchange(exchange, cancel);
  close(exchange->descriptor);
  exchange->descriptor = -1;
}

static napi_value exchange_result(napi_env env, struct request *request) {
  struct exchange *exchange = (struct exchange *)request;
  napi_value array, element, target;
  struct bytes bytes;
  if (napi_get_reference_value(env, exchange->target, &target) != napi_ok || !get_bytes(env, target, &bytes) ||
      napi_create_array_with_length(env, exchange->count, &array) != napi_ok) {
    return NULL;
  }
  memcpy(bytes.data, exchange->receive.data, bytes.length < exchange->used ? bytes.length : exchange->used);
  for (size_t index = 0; index < exchange->count; index++) {
    if (napi_create_uint32(env, exchange->lengths[index], &element) != napi_ok ||
        napi_set_element(env, array, (uint32_t)index, element) != napi_ok) {
      return NULL;
    }
  }
  return array;
}

static void exchange_release(napi_env env, struct request *request) {
  struct exchange *exchange = (struct exchange *)request;
  if (exchange->target != NULL) {
    napi_delete_reference(env, exchange->target);
  }
  if (exchange->descriptor >= 0) {
    close(exchange->descriptor);
  }
  free(exchange->request.data);
  free(exchange->receive.data);
  free(exchange->lengths);
  free(exchange);
}

static int exchange_prepare(napi_env env, struct exchange *exchange, int descriptor, struct bytes request,
                            struct bytes receive, napi_value target) {
  struct failure *failure = &exchange->base.failure;
  /* A duplicate, so that the caller may close its own meanwhile. */
  exchange->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (exchange->descriptor < 0) {
    return fail(failure, "fcntl(F_DUPFD_CLOEXEC)");
  }
  if (request.length > 0) {
    exchange->request.data = malloc(request.length);
    if (exchange->request.data == NULL) {
      return fail(failure, "malloc");
    }
    memcpy(exchange->request.data, request.data, request.length);
    exchange->request.length = request.length;
  }
  exchange->receive.data = malloc(receive.length);
  if (exchange->receive.data == NULL) {
    return fail(failure, "malloc");
  }
  exchange->receive.length = receive.length;
  if (napi_create_reference(env, target, 1, &exchange->target) != napi_ok) {
    errno = ENOMEM;
    return fail(failure, "napi_create_reference");
  }
  return 0;
}

/* netlinkExchange(descriptor, request, receive, minimum, timeoutMilliseconds, callback(error, lengths)) */
static napi_value netlink_exchange(napi_env env, napi_callback_info info) {
  napi_value values[6];
  int descriptor;
  struct bytes request, receive;
  uint32_t minimum, timeout;
  struct failure failure;
  if (!get_arguments(env, info, 6, values) || !get_int(env, values[0], &descriptor) ||
      !get_bytes(env, values[1], &request) || !get_bytes(env, values[2], &receive) ||
      !get_uint(env, values[3], &minimum) || !get_uint(env, values[4], &timeout)) {
    return NULL;
  }
  struct exchange *exchange = calloc(1, sizeof *exchange);
  if (exchange == NULL) {
    fail(&failure, "calloc");
    return throw_failure(env, &failure);
  }
  exchange->base.work = exchange_work;
  exchange->base.result = exchange_result;
  exchange->base.release = exchange_release;
  exchange->minimum = minimum;
  exchange->timeout_milliseconds = timeout;
  if (exchange_prepare(env, exchange, descriptor, request, receive, values[2]) < 0) {
    throw_failure(env, &exchange->base.failure);
    exchange_release(env, &exchange->base);
    return NULL;
  }
  return worker_submit(env, WORKER_KERNEL, &exchange->base, values[5]) ? make_undefined(env) : NULL;
}

napi_status netlink_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("netlinkExchange", netlink_exchange),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
