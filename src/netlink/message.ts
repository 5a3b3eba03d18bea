/**
 * Netlink messages: the 16-byte header, requests, and the kernel's answers (RFC 3549 §2.2, linux/netlink.h).
 */
import { forEachAttribute } from "./attribute.ts";
import { type Source, string, u32 } from "./codec.ts";
import { LITTLE_ENDIAN, Writer } from "./writer.ts";

export const NLM_F_REQUEST = 0x001;
export const NLM_F_ACK = 0x004;
export const NLM_F_DUMP_INTR = 0x010;
/** NLM_F_ROOT and NLM_F_MATCH: the whole table. */
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;
export const HEADER_BYTES = 16;

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;

/** One request, before it has a sequence number. NLM_F_REQUEST and NLM_F_ACK are added on sending. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  /** What follows the header: the family's fixed part and the attributes. */
  readonly body: Uint8Array;
  /** "create link br0", for errors. */
  readonly operation: string;
}

/** One message of a datagram. `start` to `end` is the body in `source`. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** The kernel's answer to a request: errno 0 is the acknowledgement. */
export interface NetlinkAnswer {
  /** Positive, as in errno.h; 0: done. */
  readonly errno: number;
  /** NLMSGERR_ATTR_MSG, the kernel's own words. */
  readonly kernelText?: string;
  /** NLMSGERR_ATTR_OFFS: where in the request, header included, the offending attribute begins. */
  readonly attributeOffset?: number;
}

const shared = new Writer();

/** The body that `write` appends, in memory shared by all requests. @throws NetloomError bad-value, as the codecs do */
export function encodeBody(write: (writer: Writer) => void): Uint8Array {
  shared.begin();
  write(shared);
  return shared.finish();
}

/** Bytes of a request in a message. */
export function requestBytes(request: NetlinkRequest): number {
  return HEADER_BYTES + ((request.body.length + 3) & ~3);
}

/** Writes header and body at `offset`; the caller has made room for `requestBytes`. Returns the offset behind it. */
export function encodeRequest(
  target: Source,
  offset: number,
  request: NetlinkRequest,
  { sequence, flags }: { sequence: number; flags: number },
): number {
  const { bytes, view } = target;
  view.setUint32(offset, HEADER_BYTES + request.body.length, LITTLE_ENDIAN);
  view.setUint16(offset + 4, request.type, LITTLE_ENDIAN);
  view.setUint16(offset + 6, request.flags | flags, LITTLE_ENDIAN);
  view.setUint32(offset + 8, sequence, LITTLE_ENDIAN);
  view.setUint32(offset + 12, 0, LITTLE_ENDIAN);
  bytes.set(request.body, offset + HEADER_BYTES);
  const end = offset + HEADER_BYTES + request.body.length;
  const next = (end + 3) & ~3;
  bytes.fill(0, end, next);
  return next;
}

/**
 * Calls `visit` for every message in bytes start to end of a datagram. Returns false when the bytes end in the
 * middle of a message, which the kernel never sends: the datagram was truncated.
 */
export function decodeMessages(
  source: Source,
  start: number,
  end: number,
  visit: (message: NetlinkMessage) => void,
): boolean {
  const { view } = source;
  let offset = start;
  while (offset + HEADER_BYTES <= end) {
    const length = view.getUint32(offset, LITTLE_ENDIAN);
    if (length < HEADER_BYTES || length > end - offset) return false;
    visit({
      type: view.getUint16(offset + 4, LITTLE_ENDIAN),
      flags: view.getUint16(offset + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(offset + 8, LITTLE_ENDIAN),
      port: view.getUint32(offset + 12, LITTLE_ENDIAN),
      source,
      start: offset + HEADER_BYTES,
      end: offset + length,
    });
    offset += (length + 3) & ~3;
  }
  return offset >= end;
}

/** The answer in a message of type NLMSG_ERROR or NLMSG_DONE; undefined when it is too short to be one. */
export function decodeAnswer(message: NetlinkMessage): NetlinkAnswer | undefined {
  const { source, start, end } = message;
  if (end - start < 4) {
    // Before 2.6.19 the end of a dump carried no status.
    return message.type === NLMSG_DONE ? { errno: 0 } : undefined;
  }
  const errno = Math.abs(source.view.getInt32(start, LITTLE_ENDIAN));
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno };
  const attributes = start + 4 + (message.type === NLMSG_ERROR ? echoedBytes(message) : 0);
  let kernelText: string | undefined;
  let attributeOffset: number | undefined;
  forEachAttribute(source, attributes, end, (type, from, to) => {
    if (type === NLMSGERR_ATTR_MSG) kernelText = string.decode(source, from, to);
    if (type === NLMSGERR_ATTR_OFFS) attributeOffset = u32.decode(source, from, to);
  });
  return {
    errno,
    ...(kernelText === undefined ? {} : { kernelText }),
    ...(attributeOffset === undefined ? {} : { attributeOffset }),
  };
}

/** The request stands between status and attributes: its header only (NLM_F_CAPPED), or all of it. */
function echoedBytes({ flags, source, start, end }: NetlinkMessage): number {
  if ((flags & NLM_F_CAPPED) !== 0 || end - start < 4 + HEADER_BYTES) return HEADER_BYTES;
  return (Math.max(HEADER_BYTES, source.view.getUint32(start + 4, LITTLE_ENDIAN)) + 3) & ~3;
}
