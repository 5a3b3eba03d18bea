/**
 * DHCPv4 options as code and value bytes, in up to three areas of a message: the options field and, where
 * option 52 says so, the fields `file` and `sname` (RFC 2132 §9.3).
 *
 * Reading joins all parts of one code in the order options, file, sname; writing splits a value of more than
 * 255 bytes into parts (RFC 3396 §5 to §7).
 */
import { concatBytes } from "../../base/bytes.ts";
import { Malformed } from "../malformed.ts";

/** Value bytes by option code (1 to 254, never 52). Iterating gives the order on the wire. */
export type Dhcp4Options = ReadonlyMap<number, Uint8Array>;

export const FILE_BYTES = 128;
export const SERVER_NAME_BYTES = 64;

const PAD = 0;
const END = 255;
const OVERLOAD = 52;
const MESSAGE_TYPE = 53;
const SERVER_IDENTIFIER = 54;
const OVERLOAD_FILE = 1;
const OVERLOAD_SERVER_NAME = 2;
const PART_LIMIT = 255;
const END_BYTES = 1;
const OVERLOAD_BYTES = 3;

interface DecodedOptions {
  readonly options: Dhcp4Options;
  readonly fileOverloaded: boolean;
  readonly serverNameOverloaded: boolean;
}

/** Values are views where an option stands in one part, copies where it was joined. */
export function decodeOptions(main: Uint8Array, file: Uint8Array, serverName: Uint8Array): DecodedOptions | Malformed {
  const parts = new Map<number, Uint8Array[]>();
  const refusal = scanArea(main, parts);
  if (refusal !== undefined) return refusal;
  const overload = parts.get(OVERLOAD)?.[0];
  // Only an option 52 in the options field counts: one inside `file` could otherwise announce itself.
  const areas = overload?.length === 1 ? overload[0]! : 0;
  const fileOverloaded = (areas & OVERLOAD_FILE) !== 0;
  const serverNameOverloaded = (areas & OVERLOAD_SERVER_NAME) !== 0;
  const further =
    (fileOverloaded ? scanArea(file, parts) : undefined) ??
    (serverNameOverloaded ? scanArea(serverName, parts) : undefined);
  if (further !== undefined) return further;
  parts.delete(OVERLOAD);
  const options = new Map<number, Uint8Array>();
  for (const [code, values] of parts) options.set(code, values.length === 1 ? values[0]! : concatBytes(values));
  return { options, fileOverloaded, serverNameOverloaded };
}

/** What stands behind END is ignored; a missing END is forgiven, an option cut off is not. */
function scanArea(area: Uint8Array, parts: Map<number, Uint8Array[]>): Malformed | undefined {
  for (let offset = 0; offset < area.length; ) {
    const code = area[offset]!;
    if (code === END) return undefined;
    if (code === PAD) {
      offset++;
      continue;
    }
    const length = area[offset + 1];
    const end = offset + 2 + (length ?? 0);
    if (length === undefined || end > area.length) return new Malformed(`DHCP option ${code}: runs over the end`);
    const value = area.subarray(offset + 2, end);
    const known = parts.get(code);
    if (known === undefined) parts.set(code, [value]);
    else known.push(value);
    offset = end;
  }
  return undefined;
}

interface Area {
  readonly bytes: Uint8Array;
  used: number;
  /** Room for END, and in the options field for option 52. */
  readonly kept: number;
}

function areaOf(bytes: number, kept: number): Area {
  return { bytes: new Uint8Array(bytes), used: 0, kept };
}

function freeBytes(area: Area): number {
  return area.bytes.length - area.used - area.kept;
}

interface EncodedOptions {
  /** Ends with END. */
  readonly main: Uint8Array;
  readonly file?: Uint8Array;
  readonly serverName?: Uint8Array;
  /** Codes of the options that found no room, in order. */
  readonly omitted: readonly number[];
}

/**
 * Write options in their order into `mainBytes` bytes. Only when that is not enough `file` and `sname` are used
 * too, as far as the message leaves them free. An option that fits nowhere is left out and reported.
 */
export function encodeOptions(
  options: Dhcp4Options,
  mainBytes: number,
  free: { file: boolean; serverName: boolean },
): EncodedOptions {
  if (optionBytes(options) <= mainBytes || !(free.file || free.serverName)) {
    const main = areaOf(mainBytes, END_BYTES);
    const omitted = placeAll(options, [main]);
    return { main: finishArea(main), omitted };
  }
  const main = areaOf(mainBytes, END_BYTES + OVERLOAD_BYTES);
  const file = free.file ? areaOf(FILE_BYTES, END_BYTES) : undefined;
  const serverName = free.serverName ? areaOf(SERVER_NAME_BYTES, END_BYTES) : undefined;
  const omitted = placeAll(
    options,
    [main, file, serverName].filter((area) => area !== undefined),
  );
  const fileUsed = file !== undefined && file.used > 0;
  const serverNameUsed = serverName !== undefined && serverName.used > 0;
  const overload = (fileUsed ? OVERLOAD_FILE : 0) | (serverNameUsed ? OVERLOAD_SERVER_NAME : 0);
  if (overload !== 0) place(main, OVERLOAD, Uint8Array.of(overload));
  return {
    main: finishArea(main),
    ...(fileUsed ? { file: finishArea(file) } : {}),
    ...(serverNameUsed ? { serverName: finishArea(serverName) } : {}),
    omitted,
  };
}

/** Room that the options take in one area, with END. */
export function optionBytes(options: Dhcp4Options): number {
  let total = END_BYTES;
  for (const value of options.values()) total += bytesOnWire(value.length);
  return total;
}

/** Write options that fit, and END, into an area that begins at `offset`. */
export function writeOptions(bytes: Uint8Array, offset: number, options: Dhcp4Options): void {
  let end = offset;
  for (const [code, value] of options) end = writeParts(bytes, end, code, value);
  bytes[end] = END;
}

function bytesOnWire(valueBytes: number): number {
  return valueBytes + 2 * Math.max(1, Math.ceil(valueBytes / PART_LIMIT));
}

/**
 * Every option whole in one area: in the order of the options, so that the first stand in the options field, which
 * every client reads; if that fails the large ones first, for which there may be no other place. If not all fit
 * whole: in order, a value that needs parts anyway over all areas, and what has no room is left out.
 */
function placeAll(options: Dhcp4Options, areas: readonly Area[]): number[] {
  const inOrder = [...options];
  const largeFirst = inOrder.toSorted((a, b) => rank(b) - rank(a));
  const places = arrange(inOrder, areas) ?? arrange(largeFirst, areas);
  const omitted: number[] = [];
  for (const [code, value] of inOrder) {
    const found = places?.get(code) ?? areas.find((area) => bytesOnWire(value.length) <= freeBytes(area));
    if (found !== undefined) place(found, code, value);
    else if (!writeAcross(areas, code, value)) omitted.push(code);
  }
  return omitted;
}

/** By size, but before all others those by which a receiver knows what the message is. */
function rank([code, value]: readonly [number, Uint8Array]): number {
  return code === MESSAGE_TYPE || code === SERVER_IDENTIFIER ? Number.POSITIVE_INFINITY : value.length;
}

/** For each code the first area that still has room for the whole option; undefined when one finds none. */
function arrange(
  options: readonly (readonly [number, Uint8Array])[],
  areas: readonly Area[],
): ReadonlyMap<number, Area> | undefined {
  const free = areas.map(freeBytes);
  const places = new Map<number, Area>();
  for (const [code, value] of options) {
    const bytes = bytesOnWire(value.length);
    const index = free.findIndex((room) => bytes <= room);
    if (index < 0) return undefined;
    free[index]! -= bytes;
    places.set(code, areas[index]!);
  }
  return places;
}

/** @returns where the next option goes */
function writeParts(bytes: Uint8Array, start: number, code: number, value: Uint8Array): number {
  let end = start;
  let offset = 0;
  do {
    const length = Math.min(PART_LIMIT, value.length - offset);
    bytes[end] = code;
    bytes[end + 1] = length;
    // Most values are of a few bytes: copied one by one they are written ten times as fast as by set().
    for (let i = 0; i < length; i++) bytes[end + 2 + i] = value[offset + i]!;
    end += 2 + length;
    offset += length;
  } while (offset < value.length);
  return end;
}

function place(area: Area, code: number, value: Uint8Array): void {
  area.used = writeParts(area.bytes, area.used, code, value);
}

/** The areas are in the order in which a reader joins them, so the parts come together again. */
function writeAcross(areas: readonly Area[], code: number, value: Uint8Array): boolean {
  // Clients that join no parts read a shorter value wrongly instead of not at all.
  if (value.length <= PART_LIMIT) return false;
  const shares: number[] = [];
  let rest = value.length;
  for (const area of areas) {
    const share = Math.min(rest, valueRoom(freeBytes(area)));
    shares.push(share);
    rest -= share;
  }
  if (rest > 0) return false;
  let offset = 0;
  areas.forEach((area, i) => {
    if (shares[i]! > 0) place(area, code, value.subarray(offset, offset + shares[i]!));
    offset += shares[i]!;
  });
  return true;
}

/** The longest value that fits into `free` bytes together with the code and length of each of its parts. */
function valueRoom(free: number): number {
  const fullParts = Math.floor(free / (PART_LIMIT + 2));
  return fullParts * PART_LIMIT + Math.max(0, (free % (PART_LIMIT + 2)) - 2);
}

function finishArea(area: Area): Uint8Array {
  area.bytes[area.used] = END;
  return area.bytes.subarray(0, area.used + END_BYTES);
}
