/* What a watched socket sends: datagrams to anybody, and replies to the senders of what was just received. */
#include "reader.h"

#include <errno.h>
#include <string.h>

#define SEND_BATCH 64

static bool get_optional_bytes(napi_env env, napi_value array, uint32_t index, struct bytes *bytes) {
  napi_value element;
  napi_valuetype type;
  *bytes = (struct bytes){NULL, 0};
  if (napi_get_element(env, array, index, &element) != napi_ok || napi_typeof(env, element, &type) != napi_ok) {
    return false;
  }
  return type == napi_undefined || get_bytes(env, element, bytes);
}

/*
 * sendBatch(handle, datagrams, peers, start): the number sent from `start` on, or a negative errno of the one at
 * `start`. `peers` holds a sockaddr for each datagram, or is empty.
 */
static napi_value send_batch(napi_env env, napi_callback_info info) {
  napi_value values[4];
  struct reader *reader;
  uint32_t start, total, count = 0;
  struct mmsghdr headers[SEND_BATCH];
  struct iovec vectors[SEND_BATCH];
  if (!get_arguments(env, info, 4, values) || !get_reader(env, values[0], &reader) ||
      !get_uint(env, values[3], &start) || napi_get_array_length(env, values[1], &total) != napi_ok) {
    return NULL;
  }
  memset(headers, 0, sizeof headers);
  while (count < SEND_BATCH && start + count < total) {
    struct bytes payload, peer;
    if (!get_optional_bytes(env, values[1], start + count, &payload) ||
        !get_optional_bytes(env, values[2], start + count, &peer)) {
      return NULL;
    }
    vectors[count] = (struct iovec){payload.data, payload.length};
    headers[count].msg_hdr.msg_iov = &vectors[count];
    headers[count].msg_hdr.msg_iovlen = 1;
    headers[count].msg_hdr.msg_name = peer.data;
    headers[count].msg_hdr.msg_namelen = (socklen_t)peer.length;
    count++;
  }
  int sent;
  do {
    sent = sendmmsg(reader->descriptor, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return make_int(env, sent < 0 ? -errno : sent);
}

/* One reply as JavaScript gives it: REPLY_FIELDS 32-bit numbers. */
enum reply { REPLY_OFFSET, REPLY_LENGTH, REPLY_SLOT, REPLY_FIELDS };

/* Fills a header unless the reply is out of bounds; the peer is that of the slot in the last batch. */
static bool address_reply(const struct reader *reader, const struct bytes *buffer, const uint32_t *reply,
                          const int32_t *records, uint8_t *peers, struct iovec *vector, struct msghdr *header) {
  uint32_t offset = reply[REPLY_OFFSET], length = reply[REPLY_LENGTH], slot = reply[REPLY_SLOT];
  if (slot >= reader->batch || offset > buffer->length || length > buffer->length - offset) {
    return false;
  }
  int32_t peer_length = records[slot * RECORD_FIELDS + RECORD_PEER_LENGTH];
  if (peer_length < 0 || peer_length > (int32_t)PEER_BYTES) {
    return false;
  }
  *vector = (struct iovec){buffer->data + offset, length};
  *header = (struct msghdr){
      .msg_name = peers + slot * PEER_BYTES,
      .msg_namelen = (socklen_t)peer_length,
      .msg_iov = vector,
      .msg_iovlen = 1,
  };
  return true;
}

/*
 * sendReplies(handle, buffer, replies, start, end): the number sent from `start` on, or a negative errno of the one at
 * `start`. `replies` has REPLY_FIELDS numbers for each; they go to the senders of the batch that the callback of
 * openReader() was last called for, and so only from within it.
 */
static napi_value send_replies(napi_env env, napi_callback_info info) {
  napi_value values[5];
  struct reader *reader;
  struct bytes buffer;
  void *replies, *records, *peers;
  size_t available;
  napi_typedarray_type type;
  uint32_t start, end, count = 0;
  if (!get_arguments(env, info, 5, values) || !get_reader(env, values[0], &reader) ||
      !get_bytes(env, values[1], &buffer) || !get_uint(env, values[3], &start) || !get_uint(env, values[4], &end)) {
    return NULL;
  }
  if (napi_get_typedarray_info(env, values[2], &type, &available, &replies, NULL, NULL) != napi_ok ||
      type != napi_uint32_array || end > available / REPLY_FIELDS || start >= end) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "expected replies from start to end in a Uint32Array");
    return NULL;
  }
  if (reader->descriptor < 0) {
    return make_int(env, -EBADF);
  }
  if (!reader_array(env, reader->records, napi_int32_array, (size_t)reader->batch * RECORD_FIELDS, &records) ||
      !reader_array(env, reader->peers, napi_uint8_array, reader->batch * PEER_BYTES, &peers)) {
    return make_int(env, -EFAULT);
  }
  /* What the batch was received with has been read by now. */
  struct reader_room *room = reader->environment->room;
  while (count < MAXIMUM_BATCH && start + count < end &&
         address_reply(reader, &buffer, (uint32_t *)replies + (size_t)(start + count) * REPLY_FIELDS, records, peers,
                       &room->vectors[count], &room->headers[count].msg_hdr)) {
    count++;
  }
  if (count == 0) {
    return make_int(env, -EINVAL);
  }
  int sent;
  do {
    sent = sendmmsg(reader->descriptor, room->headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return make_int(env, sent < 0 ? -errno : sent);
}

napi_status send_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("sendBatch", send_batch),
      FUNCTION("sendReplies", send_replies),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
