/** Which attribute of a request the kernel complains about (NLMSGERR_ATTR_OFFS). */
import { type AttributeTable, NLA_TYPE_MASK } from "../attribute.ts";
import { type Source, sourceOf } from "../codec.ts";
import { HEADER_BYTES, type NetlinkRequest } from "../message.ts";
import { LITTLE_ENDIAN } from "../writer.ts";
import { ADDRESS_MESSAGE } from "./address.ts";
import { LINK_MESSAGE } from "./link.ts";
import { NEIGHBOUR_MESSAGE } from "./neighbour-message.ts";
import { ROUTE_MESSAGE } from "./route.ts";
import { RULE_MESSAGE } from "./rule.ts";

/** By message type divided by four: the types of one kind of object are NEW, DEL, GET and SET in a row. */
const MESSAGES: Readonly<Record<number, { readonly fixedBytes: number; readonly table: AttributeTable }>> = {
  4: LINK_MESSAGE,
  5: ADDRESS_MESSAGE,
  6: ROUTE_MESSAGE,
  7: NEIGHBOUR_MESSAGE,
  8: RULE_MESSAGE,
};

/** The kernel's name of the attribute at an offset from the message's header, such as "IFLA_MTU". */
export function attributeNameAt(request: NetlinkRequest, offset: number): string | undefined {
  const message = MESSAGES[request.type >> 2];
  if (message === undefined) return undefined;
  const source = sourceOf(request.body);
  return nameIn(message.table, source, [message.fixedBytes, request.body.length], offset - HEADER_BYTES);
}

function nameIn(
  table: AttributeTable,
  source: Source,
  [start, end]: readonly [number, number],
  wanted: number,
): string | undefined {
  for (let offset = start; offset + 4 <= end; ) {
    const length = source.view.getUint16(offset, LITTLE_ENDIAN);
    if (length < 4 || offset + length > end) return undefined;
    if (wanted < offset + length) {
      if (wanted < offset) return undefined;
      const row = table.byNumber[source.view.getUint16(offset + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK];
      const inner = row?.codec.inner?.(source, offset + 4, offset + length);
      const deeper = inner === undefined ? undefined : nameIn(inner, source, [offset + 4, offset + length], wanted);
      return deeper ?? row?.kernelName;
    }
    offset += (length + 3) & ~3;
  }
  return undefined;
}
