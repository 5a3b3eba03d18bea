/* What the files of a watched socket share: reader.c receives, busy-poll.c waits without sleep, send.c sends. */
#ifndef NETLOOM_READER_H
#define NETLOOM_READER_H

#include "addon.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#define MAXIMUM_BATCH 1024
#define PEER_BYTES sizeof(struct sockaddr_storage)

/* One received datagram as JavaScript sees it: RECORD_FIELDS 32-bit numbers. */
enum record { RECORD_LENGTH, RECORD_FLAGS, RECORD_PACKET_TYPE, RECORD_VLAN, RECORD_PEER_LENGTH, RECORD_FIELDS };
enum { FLAG_TRUNCATED = 1, FLAG_CHECKSUM_NOT_READY = 2, FLAG_VLAN = 4 };

union auxiliary {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

/*
 * What recvmmsg() is told of a batch, and tells. Receiving and reading what it told is one turn of the event loop, so
 * all readers of an environment take turns with one, and a thousand of them cost no more than one.
 */
struct reader_room {
  struct mmsghdr headers[MAXIMUM_BATCH];
  struct iovec vectors[MAXIMUM_BATCH];
  union auxiliary auxiliaries[MAXIMUM_BATCH];
};

/* busy-poll.c */
struct busy_poll {
  /* 0: never. */
  uint32_t nanoseconds;
  uint32_t pause;
  uint32_t pause_left;
};

/* Whether anything has come for this loop meanwhile; false also where there was no looking. */
bool busy_poll(struct busy_poll *state, uv_loop_t *loop);

struct reader {
  uv_poll_t poll;
  struct environment *environment;
  struct reader *previous;
  struct reader *next;
  int descriptor;
  int owners;
  uint32_t batch;
  uint32_t slot_bytes;
  struct busy_poll busy_poll;
  /* Held until the reader closes; the memory behind them is looked up anew for each batch. */
  napi_ref buffer;
  napi_ref records;
  napi_ref peers;
  napi_ref callback;
};

/* The reader of a handle; false with a TypeError pending. */
bool get_reader(napi_env env, napi_value value, struct reader **reader);
/* The memory of an array that the reader holds; false when JavaScript gave it away. */
bool reader_array(napi_env env, napi_ref reference, napi_typedarray_type expected, size_t length, void **data);

#endif
