/* Packet sockets (packet(7)). */
#include "addon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

static int set_flag(int descriptor, int name, const char *call, struct failure *failure) {
  int on = 1;
  return setsockopt(descriptor, SOL_PACKET, name, &on, sizeof on) < 0 ? fail(failure, call) : 0;
}

/*
 * The order matters: with protocol 0 nothing is received before bind(), so no frame passes that the filter has
 * not seen.
 */
static int configure(int descriptor, int interface_index, struct bytes filter, struct failure *failure) {
  struct sock_fprog program = {
      .len = (unsigned short)(filter.length / sizeof(struct sock_filter)),
      .filter = (struct sock_filter *)filter.data,
  };
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface_index};
  if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) {
    return fail(failure, "setsockopt(SO_ATTACH_FILTER)");
  }
  if (set_flag(descriptor, PACKET_IGNORE_OUTGOING, "setsockopt(PACKET_IGNORE_OUTGOING)", failure) < 0 ||
      set_flag(descriptor, PACKET_AUXDATA, "setsockopt(PACKET_AUXDATA)", failure) < 0) {
    return -1;
  }
  if (bind(descriptor, (const struct sockaddr *)&address, sizeof address) < 0) {
    return fail(failure, "bind");
  }
  return 0;
}

/* openPacketSocket(namespace, interfaceIndex, filter): descriptor; the filter is an array of struct sock_filter. */
static napi_value open_packet_socket(napi_env env, napi_callback_info info) {
  napi_value values[3];
  int network_namespace, interface_index;
  struct bytes filter;
  struct failure failure;
  if (!get_arguments(env, info, 3, values) || !get_int(env, values[0], &network_namespace) ||
      !get_int(env, values[1], &interface_index) || !get_bytes(env, values[2], &filter)) {
    return NULL;
  }
  if (filter.length == 0 || filter.length % sizeof(struct sock_filter) != 0 ||
      filter.length / sizeof(struct sock_filter) > BPF_MAXINSNS) {
    errno = EINVAL;
    fail(&failure, "setsockopt(SO_ATTACH_FILTER)");
    return throw_failure(env, &failure);
  }
  int descriptor = open_socket_in_namespace(network_namespace, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0, &failure);
  if (descriptor >= 0 && configure(descriptor, interface_index, filter, &failure) < 0) {
    close(descriptor);
    descriptor = -1;
  }
  return descriptor_or_throw(env, descriptor, &failure);
}

napi_status packet_exports(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      FUNCTION("openPacketSocket", open_packet_socket),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
}
