{
  "targets": [
    {
      "target_name": "netloom",
      "sources": [
        "busy-poll.c",
        "descriptor.c",
        "environment.c",
        "failure.c",
        "memory.c",
        "module.c",
        "namespace.c",
        "netlink.c",
        "nft.c",
        "packet.c",
        "reader.c",
        "send.c",
        "socket.c",
        "tap.c",
        "values.c",
        "worker.c",
      ],
      "defines": ["NAPI_VERSION=9", "_GNU_SOURCE"],
      "cflags": ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
    },
  ],
}
