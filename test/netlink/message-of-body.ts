import type { NetlinkMessage } from "../../src/netlink/message.ts";
import { sourceOf } from "../../src/netlink/codec.ts";

/** A message around a bare body, for decoding what was stored or captured without its header. */
export function messageOfBody(type: number, body: Uint8Array, flags = 0): NetlinkMessage {
  return { type, flags, sequence: 0, port: 0, source: sourceOf(body), start: 0, end: body.length };
}
