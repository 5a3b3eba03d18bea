/** Readers of single values of a network's DHCP section. */
import * as v from "valibot";
import { ipToBigint, parseIpv4 } from "../base/address.ts";
import { fromHex, toHex, utf8Encode } from "../base/bytes.ts";
import { NetloomError } from "../base/errors.ts";
import { FOREVER_SECONDS } from "../protocol/leases/time.ts";
import { isServerOption } from "../protocol/dhcp4/server/own-options.ts";
import { DHCP4_OPTION_NAMES, findOption, optionFault } from "../wire/dhcp4/option-text.ts";
import { described } from "./json-schema.ts";
import { leaf, Refused, text } from "./leaf.ts";
import type { AddressRange, CustomOption } from "./model.ts";
import { DURATION, HOST_NAME, identifierJson, MAC_PREFIX, namedOptionsJson, RANGE } from "./patterns.ts";
import { nearest } from "./suggest.ts";

const WRITE_RANGE = "write the first and the last address, such as 192.168.50.100-192.168.50.199";

/** "192.0.2.100-192.0.2.199" */
export const range = text<AddressRange>(RANGE, WRITE_RANGE, (value) => {
  const [, from, to] = /^([\d.]+) *- *([\d.]+)$/.exec(value) ?? [];
  if (from === undefined || to === undefined) return new Refused("is not two addresses", WRITE_RANGE);
  try {
    const [first, last] = [parseIpv4(from), parseIpv4(to)];
    return ipToBigint(first) <= ipToBigint(last)
      ? { first, last }
      : new Refused("begins behind its end", `write ${last}-${first}`);
  } catch (thrown) {
    if (thrown instanceof NetloomError) return new Refused("is not two IPv4 addresses", WRITE_RANGE);
    throw thrown;
  }
});

const WRITE_DURATION = "write a time with its unit, such as 90s, 30m, 12h or 7d, or infinite";
const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** "12h", in seconds. */
export const duration = described(
  leaf<number>((value) => {
    if (typeof value === "number") return new Refused("has no unit", WRITE_DURATION);
    if (value === "infinite") return FOREVER_SECONDS;
    const [, number = "0", unit = ""] = (typeof value === "string" && /^(\d{1,10})([smhd])$/.exec(value)) || [];
    const seconds = Number(number) * (SECONDS_OF_UNIT[unit] ?? 0);
    if (seconds < 1) return new Refused("is not a time", WRITE_DURATION);
    return seconds < FOREVER_SECONDS ? seconds : new Refused("is longer than 136 years", "write infinite");
  }),
  DURATION,
);

const WRITE_PREFIX = 'write a MAC address or its beginning in quotes, such as "00:50:56"';

/** One to six bytes of a MAC address, with colons and in small letters. */
export const macPrefix = text<string>(MAC_PREFIX, WRITE_PREFIX, (value) =>
  /^[0-9a-f]{2}([:-][0-9a-f]{2}){0,5}$/i.test(value)
    ? value.toLowerCase().replaceAll("-", ":")
    : new Refused("is not a MAC address nor the beginning of one", WRITE_PREFIX),
);

const WRITE_IDENTIFIER = 'write text, or bytes in hexadecimal with colons, such as "01:52:54:00:00:00:10"';

/** Bytes that a client or a relay tells, in hexadecimal: two or more of them with colons between, else text. */
export function identifier(least: number, most: number) {
  return text<string>(identifierJson(least, most), WRITE_IDENTIFIER, (value) => {
    const bytes = /^[0-9a-f]{2}(:[0-9a-f]{2})+$/i.test(value) ? fromHex(value) : utf8Encode(value);
    return bytes.length >= least && bytes.length <= most
      ? toHex(bytes)
      : new Refused(`has ${bytes.length} bytes`, `${WRITE_IDENTIFIER}, of ${least} to ${most} bytes`);
  });
}

const WRITE_HOST_NAME = "write letters, digits and dashes, at most 63 of them, such as web";

/** One label of a domain name. */
export const hostName = text<string>(HOST_NAME, WRITE_HOST_NAME, (value) =>
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(value) ? value : new Refused("cannot be a host's name", WRITE_HOST_NAME),
);

/** What the fields of the message's head hold (RFC 2131 §2), without the zero that ends them. */
export function headText(most: number, example: string) {
  const remedy = `write 1 to ${most} ASCII characters, such as ${example}`;
  return text<string>({ type: "string", pattern: `^[ -~]{1,${most}}$` }, remedy, (value) =>
    value.length >= 1 && value.length <= most && /^[ -~]*$/.test(value)
      ? value
      : new Refused("does not fit its field", remedy),
  );
}

/** `{ ntp-servers: [192.0.2.1], mtu: 1400, 224: { hex: "0a0b" } }`, by code; each mistake at its own option. */
export const namedOptions = described(
  v.pipe(
    v.unknown(),
    v.rawTransform<unknown, readonly CustomOption[]>(({ dataset, addIssue, NEVER }) => {
      const input = dataset.value;
      if (typeof input !== "object" || input === null || Array.isArray(input)) {
        addIssue({ message: "is not a map", expected: "write options: { ntp-servers: [192.0.2.1] }" });
        return NEVER;
      }
      const refuse = (key: string, value: unknown, { reason, remedy }: Refused): void =>
        addIssue({
          message: reason,
          expected: remedy,
          path: [{ type: "object", origin: "value", input: input as Record<string, unknown>, key, value }],
        });
      const options = new Map<number, string>();
      let isGood = true;
      for (const [key, value] of Object.entries(input)) {
        const option = readOption(key, value);
        if (option instanceof Refused || options.has(option.code)) {
          isGood = false;
          refuse(key, value, option instanceof Refused ? option : twice(option.code));
        } else options.set(option.code, option.hex);
      }
      return isGood ? Array.from(options, ([code, hex]) => ({ code, hex })).sort((a, b) => a.code - b.code) : NEVER;
    }),
  ),
  namedOptionsJson(DHCP4_OPTION_NAMES),
);

function twice(code: number): Refused {
  return new Refused(`is option ${code}, which stands here already`, "keep one of the two");
}

function readOption(key: string, value: unknown): CustomOption | Refused {
  const option = findOption(key);
  if (option === undefined) {
    const near = nearest(key, DHCP4_OPTION_NAMES);
    const remedy = "write a name such as ntp-servers, or the option's number from 1 to 254";
    return new Refused("is no DHCP option", near === undefined ? remedy : `did you mean "${near}"?`);
  }
  const { code, isKnown, looks } = option;
  if (isServerOption(code)) return new Refused("cannot be set: the server answers it itself", "remove it");
  const remedy = isKnown ? `write ${key}: ${exampleOf(looks)}` : `write ${key}: { hex: "0a0b" }, or text`;
  const hex = hexOf(value);
  const words = hex === undefined ? wordsOf(value) : hex;
  if (words === undefined) return new Refused("is not a value of an option", remedy);
  try {
    const bytes =
      hex === undefined ? (isKnown ? option.encode(words) : utf8Encode(words)) : fromHex(words.replace(/^0x/, ""));
    return bytes.length === 0 ? new Refused("is empty", remedy) : { code, hex: toHex(bytes) };
  } catch (thrown) {
    if (thrown instanceof NetloomError) return new Refused(`cannot be: ${optionFault(thrown)}`, remedy);
    throw thrown;
  }
}

/** "[192.0.2.1, 192.0.2.2]" of "192.0.2.1,192.0.2.2" */
function exampleOf(looks: string): string {
  return looks.includes(",") ? `[${looks.replaceAll(",", ", ")}]` : looks;
}

/** The value of a map that holds `hex` and nothing else. */
function hexOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("hex" in value)) return undefined;
  return Object.keys(value).length === 1 && typeof value.hex === "string" ? value.hex : undefined;
}

/** As the command line takes it: a list with commas between. */
function wordsOf(value: unknown): string | undefined {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isPlain = items.every((item) => ["string", "number", "boolean"].includes(typeof item));
  return isPlain ? items.map(String).join(",") : undefined;
}
