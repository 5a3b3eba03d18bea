/** Golden files: what `ip` and `bridge` sent for a command (test/golden/netlink, recorded by record.ts there). */
import { readFileSync } from "node:fs";
import { fromHex, toHex } from "../../src/base/bytes.ts";

export interface GoldenMessage {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

/** The message by command. Every command of these files sends one. */
export function readGolden(name: string): Map<string, GoldenMessage> {
  const text = readFileSync(new URL(`../golden/netlink/${name}.txt`, import.meta.url), "utf8");
  const entries = text.split(/^\$ /m).slice(1);
  return new Map(entries.map((entry) => parseEntry(entry)));
}

function parseEntry(entry: string): [string, GoldenMessage] {
  const [command, head, ...bytes] = entry.trimEnd().split("\n");
  const match = /^type (\d+) flags 0x([0-9a-f]+)$/.exec(head ?? "");
  if (command === undefined || match === null) throw new Error(`golden file: odd entry ${entry}`);
  return [command, { type: Number(match[1]), flags: Number.parseInt(match[2]!, 16), body: fromHex(bytes.join("")) }];
}

/** Attributes inside an attribute, by number: what is a list and what a value cannot be seen from the bytes. */
export interface Nesting {
  readonly [type: number]: Nesting;
}

/**
 * A body as text in which the order of attributes does not show: it says nothing to the kernel, and `ip` sends them
 * in the order of its words.
 */
export function canonical(body: Uint8Array, headerBytes: number, nesting: Nesting): string {
  return [toHex(body.subarray(0, headerBytes)), ...list(body.subarray(headerBytes), nesting, "  ")].join("\n");
}

function list(bytes: Uint8Array, nesting: Nesting, indent: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = view.getUint16(offset, true);
    const type = view.getUint16(offset + 2, true);
    const payload = bytes.subarray(offset + 4, offset + length);
    const inner = nesting[type & 0x3fff];
    const value = inner === undefined ? ` ${toHex(payload)}` : `\n${list(payload, inner, `${indent}  `).join("\n")}`;
    lines.push(`${indent}${type.toString(16)}${value}`);
    offset += (length + 3) & ~3;
  }
  return lines.sort();
}
