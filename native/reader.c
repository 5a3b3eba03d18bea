/*
 * A datagram socket watched by the event loop: packets, UDP and kernel events share it. What it sends is send.c's.
 *
 * One wake-up takes at most BATCHES_PER_WAKE_UP calls of recvmmsg() into the caller's one buffer and makes one
 * callback for each, so a flood on one socket leaves time for the others. Poll is level-triggered: what is left
 * wakes us again.
 *
 * The descriptor belongs to the reader from a successful openReader() to closeReader() or the end of the
 * environment. The memory is shared by the loop's handle and the JavaScript handle and goes with the later one.
 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCHES_PER_WAKE_UP 4
/* Of busy polls that succeed again and again, until the loop gets its turn. */
#define BUSY_TURN_NANOSECONDS 2000000
#define MAXIMUM_BUSY_POLL_MICROSECONDS 1000

static const napi_type_tag reader_tag = {0x6e65746c6f6f6d01ULL, 0x9d2f3b6a71c84e05ULL};

static void reader_release(struct reader *reader) {
  if (--reader->owners == 0) {
    free(reader);
  }
}

static void drop_references(napi_env env, struct reader *reader) {
  napi_ref *references[] = {&reader->buffer, &reader->records, &reader->peers, &reader->callback};
  for (size_t index = 0; index < sizeof references / sizeof *references; index++) {
    if (*references[index] != NULL) {
      napi_delete_reference(env, *references[index]);
      *references[index] = NULL;
    }
  }
}

static void on_closed(uv_handle_t *handle) {
  struct reader *reader = handle->data;
  struct environment *environment = reader->environment;
  reader_release(reader);
  environment_handle_closed(environment);
}

/* Takes the reader off the loop; its descriptor is nobody's then. */
static void reader_stop(struct reader *reader) {
  if (reader->previous != NULL) {
    reader->previous->next = reader->next;
  } else {
    reader->environment->readers = reader->next;
  }
  if (reader->next != NULL) {
    reader->next->previous = reader->previous;
  }
  uv_poll_stop(&reader->poll);
  uv_close((uv_handle_t *)&reader->poll, on_closed);
  reader->descriptor = -1;
  drop_references(reader->environment->env, reader);
}

void reader_close(struct reader *reader) {
  int descriptor = reader->descriptor;
  if (descriptor >= 0) {
    reader_stop(reader);
    close(descriptor);
  }
}

bool reader_array(napi_env env, napi_ref reference, napi_typedarray_type expected, size_t length, void **data) {
  napi_value value;
  napi_typedarray_type type;
  size_t available;
  return napi_get_reference_value(env, reference, &value) == napi_ok && value != NULL &&
         napi_get_typedarray_info(env, value, &type, &available, data, NULL, NULL) == napi_ok && type == expected &&
         available >= length;
}

static void call_back(struct reader *reader, int count, int error) {
  napi_env env = reader->environment->env;
  napi_value arguments[2] = {make_int(env, count), make_int(env, error)};
  if (arguments[0] != NULL && arguments[1] != NULL) {
    environment_call(reader->environment, reader->callback, 2, arguments);
  }
}

static void describe(const struct mmsghdr *header, int32_t *record) {
  const struct msghdr *message = &header->msg_hdr;
  memset(record, 0, RECORD_FIELDS * sizeof *record);
  record[RECORD_LENGTH] = (int32_t)header->msg_len;
  record[RECORD_FLAGS] = (message->msg_flags & MSG_TRUNC) != 0 ? FLAG_TRUNCATED : 0;
  record[RECORD_PEER_LENGTH] = (int32_t)(message->msg_namelen < PEER_BYTES ? message->msg_namelen : PEER_BYTES);
  const struct sockaddr_ll *peer = message->msg_name;
  if (message->msg_namelen >= offsetof(struct sockaddr_ll, sll_addr) && peer->sll_family == AF_PACKET) {
    record[RECORD_PACKET_TYPE] = peer->sll_pkttype;
  }
  const struct cmsghdr *control = CMSG_FIRSTHDR(message);
  if (control == NULL || control->cmsg_level != SOL_PACKET || control->cmsg_type != PACKET_AUXDATA ||
      control->cmsg_len < CMSG_LEN(sizeof(struct tpacket_auxdata))) {
    return;
  }
  struct tpacket_auxdata auxiliary;
  memcpy(&auxiliary, CMSG_DATA(control), sizeof auxiliary);
  if ((auxiliary.tp_status & TP_STATUS_CSUMNOTREADY) != 0) {
    record[RECORD_FLAGS] |= FLAG_CHECKSUM_NOT_READY;
  }
  if ((auxiliary.tp_status & TP_STATUS_VLAN_VALID) != 0) {
    record[RECORD_FLAGS] |= FLAG_VLAN;
    record[RECORD_VLAN] = auxiliary.tp_vlan_tci;
  }
}

/* The number of datagrams received, 0 when none is there, or a negative errno. */
static int receive_batch(struct reader *reader) {
  napi_env env = reader->environment->env;
  struct reader_room *room = reader->environment->room;
  void *buffer, *records, *peers;
  if (!reader_array(env, reader->buffer, napi_uint8_array, (size_t)reader->batch * reader->slot_bytes, &buffer) ||
      !reader_array(env, reader->records, napi_int32_array, (size_t)reader->batch * RECORD_FIELDS, &records) ||
      !reader_array(env, reader->peers, napi_uint8_array, reader->batch * PEER_BYTES, &peers)) {
    return -EFAULT;
  }
  for (uint32_t index = 0; index < reader->batch; index++) {
    room->vectors[index] = (struct iovec){(uint8_t *)buffer + (size_t)index * reader->slot_bytes, reader->slot_bytes};
    room->headers[index].msg_hdr = (struct msghdr){
        .msg_name = (uint8_t *)peers + index * PEER_BYTES,
        .msg_namelen = PEER_BYTES,
        .msg_iov = &room->vectors[index],
        .msg_iovlen = 1,
        .msg_control = &room->auxiliaries[index],
        .msg_controllen = sizeof room->auxiliaries[index],
    };
  }
  int count;
  do {
    count = recvmmsg(reader->descriptor, room->headers, reader->batch, MSG_DONTWAIT, NULL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return errno == EAGAIN ? 0 : -errno;
  }
  for (int index = 0; index < count; index++) {
    describe(&room->headers[index], (int32_t *)records + index * RECORD_FIELDS);
  }
  return count;
}

/* Errors with a copy of the packet (IP_RECVERR) keep the socket readable until they are taken. */
static void drain_error_queue(struct reader *reader) {
  char discarded[1];
  struct iovec vector = {discarded, sizeof discarded};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  while (recvmsg(reader->descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
    message = (struct msghdr){.msg_iov = &vector, .msg_iovlen = 1};
  }
}

/* Each batch in a scope of its own, as all of them may make thousands of values. */
static int deliver_batch(struct reader *reader) {
  napi_env env = reader->environment->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) {
    return 0;
  }
  int count = receive_batch(reader);
  if (count != 0) {
    call_back(reader, count > 0 ? count : 0, count < 0 ? -count : 0);
  }
  napi_close_handle_scope(env, scope);
  if (count == -EFAULT) {
    /* JavaScript gave the buffer's memory away: there is nothing left to receive into. */
    reader_close(reader);
  }
  return count;
}

static void on_readable(uv_poll_t *handle, int status, int events) {
  struct reader *reader = handle->data;
  (void)events;
  /* The callback may close the reader. */
  reader->owners++;
  for (int batch = 0; batch < BATCHES_PER_WAKE_UP && reader->descriptor >= 0; batch++) {
    int count = deliver_batch(reader);
    if (count >= 0 && count < (int)reader->batch) {
      break;
    }
  }
  if (reader->busy_poll.nanoseconds > 0) {
    uint64_t until = uv_hrtime() + BUSY_TURN_NANOSECONDS;
    while (reader->descriptor >= 0 && uv_hrtime() < until && busy_poll(&reader->busy_poll, reader->environment->loop) &&
           deliver_batch(reader) > 0) {
    }
  }
  if (status < 0 && reader->descriptor >= 0) {
    /* libuv stops polling a socket with a pending error; receiving has fetched it by now. */
    drain_error_queue(reader);
    uv_poll_start(&reader->poll, UV_READABLE, on_readable);
  }
  reader_release(reader);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  reader_release(data);
}

static struct reader *reader_allocate(uint32_t batch, uint32_t slot_bytes, uint32_t busy_poll_microseconds) {
  struct reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) {
    return NULL;
  }
  reader->owners = 1;
  reader->descriptor = -1;
  reader->batch = batch;
  reader->slot_bytes = slot_bytes;
  reader->busy_poll.nanoseconds = busy_poll_microseconds * 1000;
  return reader;
}

/* The descriptor is the reader's after success. */
static int reader_start(struct environment *environment, struct reader *reader, int descriptor) {
  int error = uv_poll_init(environment->loop, &reader->poll, descriptor);
  if (error != 0) {
    return error;
  }
  environment->open_handles++;
  reader->owners++;
  reader->poll.data = reader;
  reader->environment = environment;
  reader->descriptor = descriptor;
  reader->next = environment->readers;
  if (reader->next != NULL) {
    reader->next->previous = reader;
  }
  environment->readers = reader;
  error = uv_poll_start(&reader->poll, UV_READABLE, on_readable);
  if (error != 0) {
    reader_stop(reader);
  }
  return error;
}

/*
 * openReader(descriptor, batch, slotBytes, busyPollMicroseconds, buffer, records, peers, callback(count, errno)): handle
 * On failure the descriptor stays the caller's.
 */
static napi_value open_reader(napi_env env, napi_callback_info info) {
  napi_value values[8], handle;
  int descriptor;
  uint32_t batch, slot_bytes, busy_poll_microseconds;
  struct failure failure = {EINVAL, "openReader"};
  struct environment *environment = environment_of(env);
  if (!get_arguments(env, info, 8, values) || !get_int(env, values[0], &descriptor) ||
      !get_uint(env, values[1], &batch) || !get_uint(env, values[2], &slot_bytes) ||
      !get_uint(env, values[3], &busy_poll_microseconds)) {
    return NULL;
  }
  if (batch == 0 || batch > MAXIMUM_BATCH || slot_bytes == 0 ||
      busy_poll_microseconds > MAXIMUM_BUSY_POLL_MICROSECONDS || environment->ending) {
    return throw_failure(env, &failure);
  }
  if (environment->room == NULL) {
    environment->room = malloc(sizeof *environment->room);
  }
  struct reader *reader = environment->room == NULL ? NULL : reader_allocate(batch, slot_bytes, busy_poll_microseconds);
  if (reader == NULL) {
    fail(&failure, "calloc");
    return throw_failure(env, &failure);
  }
  if (napi_create_reference(env, values[4], 1, &reader->buffer) != napi_ok ||
      napi_create_reference(env, values[5], 1, &reader->records) != napi_ok ||
      napi_create_reference(env, values[6], 1, &reader->peers) != napi_ok ||
      napi_create_reference(env, values[7], 1, &reader->callback) != napi_ok ||
      napi_create_object(env, &handle) != napi_ok ||
      /* Not an external: Node frees the wrapper of one only if it is collected before the end. */
      napi_wrap(env, handle, reader, finalize, NULL, NULL) != napi_ok) {
    drop_references(env, reader);
    reader_release(reader);
    return throw_failure(env, &failure);
  }
  /* The handle is an owner from here on. */
  int error = napi_type_tag_object(env, handle, &reader_tag) == napi_ok ? 0 : UV_EINVAL;
  if (error == 0) {
    error = reader_start(environment, reader, descriptor);
  }
  if (error != 0) {
    failure = (struct failure){-error, "uv_poll_start"};
    drop_references(env, reader);
    return throw_failure(env, &failure);
  }
  return handle;
}

bool get_reader(napi_env env, napi_value value, struct reader **reader) {
  bool tagged = false;
  void *data;
  if (napi_check_object_type_tag(env, value, &reader_tag, &tagged) != napi_ok || !tagged ||
      napi_unwrap(env, value, &data) != napi_ok) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "expected a reader");
    return false;
  }
  *reader = data;
  return true;
}

/* closeReader(handle); again is harmless */
static napi_value close_reader(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct reader *reader;
  if (!get_arguments(env, info, 1, values) || !get_reader(env, values[0], &reader)) {
    return NULL;
  }
  reader_close(reader);
  return make_undefined(env);
}

struct close_request {
  struct request base;
  int descriptor;
};

static void close_work(struct request *request, int cancel) {
  struct close_request *closing = (struct close_request *)request;
  (void)cancel;
  close(closing->descriptor);
  closing->descriptor = -1;
}

static void close_release(napi_env env, struct request *request) {
  struct close_request *closing = (struct close_request *)request;
  (void)env;
  if (closing->descriptor >= 0) {
    close(closing->descriptor);
  }
  free(closing);
}

/*
 * closeReaderAside(handle, callback()): nothing is received any more, and a worker closes the descriptor. For packet
 * sockets, whose close waits some 10 ms for the kernel's readers. Again is harmless, but without a callback.
 */
static napi_value close_reader_aside(napi_env env, napi_callback_info info) {
  napi_value values[2];
  struct reader *reader;
  struct failure failure;
  if (!get_arguments(env, info, 2, values) || !get_reader(env, values[0], &reader)) {
    return NULL;
  }
  if (reader->descriptor < 0) {
    return make_undefined(env);
  }
  struct close_request *closing = calloc(1, sizeof *closing);
  if (closing == NULL) {
    fail(&failure, "calloc");
    return throw_failure(env, &failure);
  }
  closing->base.work = close_work;
  closing->base.release = close_release;
  closing->descriptor = reader->descriptor;
  reader_stop(reader);
  return worker_submit(env, WORKER_KERNEL, &closing->base, values[1]) ? make_undefined(env) : NULL;
}

napi_status reader_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("openReader", open_reader),
      FUNCTION("closeReader", close_reader),
      FUNCTION("closeReaderAside", close_reader_aside),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
