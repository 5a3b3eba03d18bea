/**
 * Options that a dhcpd.conf defines itself: `option space PXE;`, `option PXE.mtftp-ip code 1 = ip-address;` and the
 * bytes of their values (dhcp-options(5), DEFINING NEW OPTIONS).
 */
import { parseIp, parseIpv4 } from "../../base/address.ts";
import { concatBytes, fromHex, utf8Encode } from "../../base/bytes.ts";
import { ipToBytes } from "../../base/address.ts";
import { domainList } from "../../wire/dhcp4/codecs.ts";
import { findOption } from "../../wire/dhcp4/option-text.ts";
import { badOption as bad, encodeOption, hasForm } from "../option-value.ts";
import type { Token } from "./lexer.ts";

interface Field {
  readonly kind: "boolean" | "integer" | "ip-address" | "text" | "string" | "domain-list";
  /** Of an integer. */
  readonly bytes: number;
}

interface Type {
  /** Items of which there may be several, each with all fields. */
  readonly isArray: boolean;
  readonly fields: readonly Field[];
}

interface Definition {
  /** "dhcp" for options of the message itself. */
  readonly space: string;
  readonly code: number;
  readonly type: Type;
}

/** An option and its value. */
interface EncodedOption {
  readonly space: string;
  readonly code: number;
  readonly bytes: Uint8Array;
}

const OWN_SPACES: ReadonlySet<string> = new Set(["dhcp", "bootp"]);

export class OptionDefinitions {
  readonly #byName = new Map<string, Definition>();

  /**
   * `NAME code NUMBER = TYPE`, the words behind `option`.
   * @throws NetloomError bad-option
   */
  define(tokens: readonly Token[]): void {
    const [name, , code, , ...type] = tokens;
    const [space, local] = splitName(name?.text ?? "");
    const number = Number(code?.text);
    if (!Number.isInteger(number) || number < 1 || number > 254)
      throw bad("the option's number is not 1 to 254", "define it with another number");
    this.#byName.set(`${space}.${local}`, { space, code: number, type: readType(type) });
  }

  /** The number of an option of the message itself. */
  codeOf(name: string): number | undefined {
    const [space, local] = splitName(name);
    const definition = this.#byName.get(`${space}.${local}`);
    if (definition !== undefined) return space === "dhcp" ? definition.code : undefined;
    return space === "dhcp" ? findOption(local)?.code : undefined;
  }

  /**
   * `NAME VALUE`, the words behind `option`.
   * @throws NetloomError bad-option, bad-address, bad-domain-name, bad-hex
   */
  encode(tokens: readonly Token[]): EncodedOption {
    const [first, ...value] = tokens;
    const [space, local] = splitName(first?.text ?? "");
    if (value.some(({ kind, text }) => kind === "punctuation" && text !== ","))
      throw bad("the value is worked out when a client asks", "write the value itself");
    if (value.length === 0) throw bad("it has no value", "write one, or remove it");
    const definition = this.#byName.get(`${space}.${local}`);
    if (definition !== undefined) return { space, code: definition.code, bytes: encodeValue(definition.type, value) };
    if (space !== "dhcp")
      throw bad(`${space}.${local} is not defined in this file`, "give it by number, in hexadecimal");
    const unknown = /^unknown-(\d{1,3})$/.exec(local)?.[1];
    if (unknown !== undefined) return { space, code: Number(unknown), bytes: encodeBytes(value[0]!) };
    const option = findOption(local);
    if (option === undefined || !option.isKnown)
      throw bad(`there is no DHCP option of the name ${local}`, "give it by number, in hexadecimal");
    if (!hasForm(option)) return { space, code: option.code, bytes: encodeBytes(value[0]!) };
    const words = value.map(({ kind, text }) => (kind === "punctuation" ? "," : text)).join(" ");
    return { space, code: option.code, bytes: encodeOption(option, words.replaceAll(" , ", ",")) };
  }
}

function splitName(name: string): [space: string, local: string] {
  const [first = "", second] = name.toLowerCase().split(".", 2);
  if (second === undefined) return ["dhcp", first];
  return [OWN_SPACES.has(first) ? "dhcp" : first, second];
}

function readType(tokens: readonly Token[]): Type {
  const words = tokens.map(({ text }) => text.toLowerCase());
  const isArray = words[0] === "array" && words[1] === "of";
  const fields = words
    .slice(isArray ? 2 : 0)
    .join(" ")
    .replaceAll(/[{}]/g, "")
    .split(",")
    .map((field) => readField(field.trim()));
  return { isArray, fields };
}

function readField(words: string): Field {
  const [, bits] = /^(?:(?:un)?signed )?integer (8|16|32)$/.exec(words) ?? [];
  if (bits !== undefined) return { kind: "integer", bytes: Number(bits) / 8 };
  if (/^domain-(list|name)( compressed)?$/.test(words)) return { kind: "domain-list", bytes: 0 };
  for (const kind of ["boolean", "ip-address", "text", "string"] as const)
    if (words === kind) return { kind, bytes: 0 };
  throw bad(`the type ${JSON.stringify(words)} is not known`, "give the option by number, in hexadecimal");
}

function encodeValue({ isArray, fields }: Type, tokens: readonly Token[]): Uint8Array {
  const values = tokens.filter(({ kind }) => kind !== "punctuation");
  const [field] = fields;
  if (field?.kind === "domain-list") return domainList.encode(values.map(({ text }) => text));
  if (isArray ? values.length % fields.length !== 0 : values.length !== fields.length)
    throw bad(`the value has ${values.length} parts, its type ${fields.length}`, "put the value right");
  return concatBytes(values.map((value, i) => encodeField(fields[i % fields.length]!, value)));
}

function encodeField({ kind, bytes }: Field, value: Token): Uint8Array {
  switch (kind) {
    case "boolean":
      return Uint8Array.of(/^(true|on|1)$/i.test(value.text) ? 1 : 0);
    case "integer":
      return encodeInteger(value.text, bytes);
    case "ip-address":
      return ipToBytes(value.text.includes(":") ? parseIp(value.text) : parseIpv4(value.text));
    case "text":
      return utf8Encode(value.text);
    case "string":
    case "domain-list":
      return encodeBytes(value);
  }
}

function encodeInteger(text: string, bytes: number): Uint8Array {
  const value = Number(text);
  const limit = 256 ** bytes;
  if (!/^-?\w+$/.test(text) || !Number.isInteger(value) || value >= limit || value < -limit / 2)
    throw bad(`${JSON.stringify(text)} is no whole number of ${8 * bytes} bits`, "put the value right");
  const positive = value < 0 ? value + limit : value;
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(positive / 256 ** (bytes - 1 - i)) % 256);
}

/** A string, or bytes as `1:52:54`. */
export function encodeBytes({ kind, text }: Token): Uint8Array {
  return kind === "string" ? utf8Encode(text) : fromHex(padBytes(text));
}

/** "1:a:ff" → "01:0a:ff" */
export function padBytes(text: string): string {
  return text
    .split(":")
    .map((byte) => byte.padStart(2, "0"))
    .join(":");
}

/** Sub-options one after the other, as option 43 holds them. */
export function encapsulate(options: ReadonlyMap<number, Uint8Array>): Uint8Array {
  return concatBytes(Array.from(options, ([code, bytes]) => concatBytes([Uint8Array.of(code, bytes.length), bytes])));
}
