/* Waiting for datagrams without sleep. */
#include "reader.h"

#include <poll.h>
#include <sched.h>

/* After busy polls in vain, so many wake-ups go without one: 1, 2, 4 and so on up to this. */
#define MAXIMUM_PAUSE 64

/*
 * Looks again and again, without sleep, whether anything has come, for this socket or another one: where a peer answers
 * each datagram at once, a sleep and a wake-up on each side take longer than all else. Not while the loop has work.
 */
bool busy_poll(struct busy_poll *state, uv_loop_t *loop) {
  struct pollfd any = {.fd = uv_backend_fd(loop), .events = POLLIN};
  if (uv_backend_timeout(loop) == 0) {
    return false;
  }
  if (state->pause_left > 0) {
    state->pause_left--;
    return false;
  }
  uint64_t until = uv_hrtime() + state->nanoseconds;
  bool has_come;
  do {
    has_come = poll(&any, 1, 0) != 0;
    if (!has_come) {
      /* The peer may need this CPU. */
      sched_yield();
    }
  } while (!has_come && uv_hrtime() < until);
  /* Who is given the CPU may keep it for milliseconds: a sleep, which ends sooner, is better then. */
  if (has_come && uv_hrtime() <= until) {
    state->pause = 0;
    return true;
  }
  if (state->pause < MAXIMUM_PAUSE) {
    state->pause = state->pause == 0 ? 1 : state->pause * 2;
  }
  state->pause_left = state->pause;
  return has_come;
}
