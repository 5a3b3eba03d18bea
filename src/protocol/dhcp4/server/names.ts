/** What clients call themselves: a name that a DNS can hold, and the answer to option 81 (RFC 4702). */
import { utf8Decode, utf8Encode } from "../../../base/bytes.ts";
import { decodeDomainName } from "../../../wire/domain-name.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";

const LABEL_LIMIT = 63;
const NAME_LIMIT = 255;
/** RFC 4702 §2.1. */
const SERVER_UPDATES = 1;
const SERVER_OVERRODE = 2;
const WIRE_ENCODING = 4;
const NO_UPDATES = 8;
const FIXED_BYTES = 3;
/** RFC 4702 §2.2: both fields of the response code mean nothing any more. */
const RESPONSE_CODE = 255;

/** The first label, of letters, digits and hyphens alone (RFC 1123 §2.1) and in lower case; "" when nothing is left. */
export function hostLabelOf(name: string): string {
  const [first = ""] = name.split(".", 1);
  const plain = first.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return plain.replace(/^-/, "").slice(0, LABEL_LIMIT).replace(/-$/, "");
}

interface ClientName {
  readonly flags: number;
  readonly labels: readonly string[];
  /** The client told its domain, too. */
  readonly isComplete: boolean;
}

function clientNameOf(options: Dhcp4Options): ClientName | undefined {
  const bytes = options.get(DHCP4_OPTION.clientDomainName.code);
  if (bytes === undefined || bytes.length < FIXED_BYTES) return undefined;
  const [flags, name] = [bytes[0]!, bytes.subarray(FIXED_BYTES)];
  if ((flags & WIRE_ENCODING) === 0) {
    const text = utf8Decode(name);
    return { flags, labels: text.split(".").filter((label) => label !== ""), isComplete: text.includes(".") };
  }
  // A name without its domain has no root at its end (RFC 4702 §2.3.1), and there is nothing for a pointer to lead to.
  const isComplete = name.length > 1 && name.at(-1) === 0;
  const decoded = decodeDomainName(isComplete ? name : Uint8Array.of(...name, 0), 0);
  if (decoded instanceof Malformed) return undefined;
  return { flags, labels: decoded.name.split(".").filter((label) => label !== ""), isComplete };
}

/** What the client calls itself, as a label; undefined when it does not say. Option 81 counts first (RFC 4702 §3.1). */
export function toldHostLabel(options: Dhcp4Options): string | undefined {
  const complete = clientNameOf(options)?.labels[0];
  const name = complete ?? readOption(options, DHCP4_OPTION.hostName);
  return name === undefined ? undefined : hostLabelOf(name);
}

interface NamePolicy {
  /** The host's name in the configuration. */
  readonly name: string | undefined;
  /** What the client is told with its address: option 15 completes its name. */
  readonly offered: Dhcp4Options;
  readonly updates: boolean;
}

/** The value of option 81 in the answer (RFC 4702 §4); undefined when the client sent none that can be read. */
export function clientNameAnswer(asked: Dhcp4Options, { name, offered, updates }: NamePolicy): Uint8Array | undefined {
  const client = clientNameOf(asked);
  if (client === undefined) return undefined;
  const host = name ?? hostLabelOf(client.labels[0] ?? "");
  const domain = readOption(offered, DHCP4_OPTION.domainName)?.split(".") ?? [];
  const labels = (client.isComplete && name === undefined ? client.labels.slice(1) : domain).filter(isLabel);
  const full = host === "" ? [] : [host, ...labels];
  const wire = (client.flags & WIRE_ENCODING) !== 0;
  const value = wire ? wireName(full, full.length > 1) : utf8Encode(full.join("."));
  if (value.length > NAME_LIMIT - FIXED_BYTES) return undefined;
  return Uint8Array.of(
    answerFlags(client.flags, updates) | (wire ? WIRE_ENCODING : 0),
    RESPONSE_CODE,
    RESPONSE_CODE,
    ...value,
  );
}

function answerFlags(asked: number, updates: boolean): number {
  const wishesUpdate = (asked & SERVER_UPDATES) !== 0;
  const wishesNone = (asked & NO_UPDATES) !== 0;
  if (!updates || wishesNone) return NO_UPDATES | (wishesUpdate && !wishesNone ? SERVER_OVERRODE : 0);
  return SERVER_UPDATES | (wishesUpdate ? 0 : SERVER_OVERRODE);
}

function isLabel(label: string): boolean {
  return label !== "" && label.length <= LABEL_LIMIT && /^[\x21-\x7e]+$/.test(label) && !label.includes("\\");
}

function wireName(labels: readonly string[], isComplete: boolean): Uint8Array {
  const bytes = labels.flatMap((label) => [label.length, ...utf8Encode(label)]);
  return Uint8Array.from(isComplete ? [...bytes, 0] : bytes);
}
