/**
 * Hears of every change in one network namespace: links, addresses, routes, rules, permanent neighbours, the kernel
 * parameters that raise events, and nft tables. Which one it was does not matter: whoever hears of it looks again.
 *
 * An open socket keeps its namespace alive, so a watch is closed as soon as the namespace's name is gone.
 */
import { sourceOf } from "../../netlink/codec.ts";
import { decodeMessages } from "../../netlink/message.ts";
import { RTM_DELNEIGH, RTM_NEWNEIGH } from "../../netlink/route/constants.ts";
import { NETLINK_NETFILTER } from "../../kernel/netlink.ts";
import { closeDescriptor, NetlinkEvents, openNamespace, type SystemCallError } from "../../kernel/native.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import { NFNLGRP_NFTABLES, RTNLGRP } from "./groups.ts";

const AF_BRIDGE = 7;
const NUD_PERMANENT = 0x80;
/** struct ndmsg (linux/neighbour.h). */
const NDMSG_STATE_OFFSET = 8;

/** Of links, addresses, routes, rules, neighbours and parameters; or of nft. */
export type ChangeKind = "routing" | "filters";

interface NamespaceWatchOptions {
  /** "" is our own. */
  readonly name: string;
  /** Also permanent neighbour entries: of a busy network these events are many. */
  readonly neighbours: boolean;
  /** What the kernel may hold for us; absent: the system's default. */
  readonly receiveBufferBytes?: number;
  readonly onChange: (kind: ChangeKind) => void;
  /** Events were lost. */
  readonly onOverrun: (kind: ChangeKind) => void;
  readonly onError: (error: SystemCallError) => void;
}

export class NamespaceWatch implements Disposable {
  readonly neighbours: boolean;
  readonly #sockets: NetlinkEvents[] = [];

  /** Listens from now on. @throws SystemCallError ENOENT, ENOTTY or EINVAL when there is no such namespace */
  constructor(options: NamespaceWatchOptions) {
    this.neighbours = options.neighbours;
    const namespace = options.name === "" ? undefined : openNamespace(namespacePath(options.name));
    const common = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(options.receiveBufferBytes === undefined ? {} : { receiveBufferBytes: options.receiveBufferBytes }),
      onError: options.onError,
    };
    const { neighbour, ...always } = RTNLGRP;
    const groups = [...Object.values(always), ...(options.neighbours ? [neighbour] : [])];
    try {
      this.#sockets.push(
        new NetlinkEvents({
          ...common,
          groups,
          onMessages: (bytes) => {
            if (concerns(bytes)) options.onChange("routing");
          },
          onOverrun: () => options.onOverrun("routing"),
        }),
        new NetlinkEvents({
          ...common,
          protocol: NETLINK_NETFILTER,
          groups: [NFNLGRP_NFTABLES],
          onMessages: () => options.onChange("filters"),
          onOverrun: () => options.onOverrun("filters"),
        }),
      );
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    } finally {
      if (namespace !== undefined) closeDescriptor(namespace);
    }
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.close();
  }
}

/** Whether one of the messages is about anything else than a neighbour that comes and goes by itself. */
function concerns(bytes: Uint8Array): boolean {
  let found = false;
  const whole = decodeMessages(sourceOf(bytes), 0, bytes.length, (message) => {
    if (message.type !== RTM_NEWNEIGH && message.type !== RTM_DELNEIGH) found = true;
    else found ||= isPermanentNeighbour(message.type, bytes.subarray(message.start, message.end));
  });
  return found || !whole;
}

function isPermanentNeighbour(type: number, body: Uint8Array): boolean {
  if (body[0] === AF_BRIDGE) return false;
  if (type === RTM_DELNEIGH) return true;
  return ((body[NDMSG_STATE_OFFSET] ?? 0) & NUD_PERMANENT) !== 0;
}
