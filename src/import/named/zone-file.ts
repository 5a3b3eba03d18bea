/** Zone files as BIND reads them (RFC 1035 §5, RFC 2308 §4): records with names in full, and where each stands. */
import { NetloomError } from "../../base/errors.ts";
import { type Entry, MasterFileError, readEntries, type Word } from "../../wire/dns/master.ts";
import { soaOf } from "../../wire/dns/data.ts";
import { DNS_CLASS, DNS_TYPE, formatDnsType, parseDnsClass, parseDnsType } from "../../wire/dns/types.ts";
import { parseDuration, parseName, parseRecordData } from "../../wire/dns/text.ts";
import type { Budget } from "../budget.ts";
import type { Included } from "../included.ts";
import { generate } from "./generate.ts";
import { brief, type Origin, type Problems } from "../problem.ts";

export interface ZoneRecord {
  /** In full, lower case. */
  readonly name: string;
  readonly type: number;
  /** Undefined: as the zone says for all. */
  readonly ttlSeconds: number | undefined;
  readonly data: Uint8Array;
  /** The data's words, for hints. */
  readonly words: readonly Word[];
  readonly origin: Origin;
}

export interface ZoneFile {
  readonly records: readonly ZoneRecord[];
  /** $TTL, the last one. */
  readonly ttlSeconds: number | undefined;
}

interface ZoneFileOptions {
  readonly included: Included;
  readonly problems: Problems;
  readonly budget: Budget;
}

/**
 * @param paths where it may be; the first that can be read counts
 * @param zone its name, in lower case
 */
export function readZoneFile(
  paths: readonly [string, ...string[]],
  zone: string,
  origin: Origin,
  options: ZoneFileOptions,
): ZoneFile {
  const reader = new ZoneFileReader(zone, options);
  reader.follow(paths.find((path) => options.included.isReadable(path)) ?? paths[0], origin, zone);
  return reader;
}

/** Data of so many bytes is no longer one value. */
const VALUE_BYTES = 64;
/** Types whose data names a host. */
const NAMES: ReadonlySet<number> = new Set<number>([
  DNS_TYPE.CNAME,
  DNS_TYPE.NS,
  DNS_TYPE.PTR,
  DNS_TYPE.MX,
  DNS_TYPE.SRV,
]);

class ZoneFileReader implements ZoneFile {
  readonly records: ZoneRecord[] = [];
  ttlSeconds: number | undefined;
  readonly #zone: string;
  readonly #options: ZoneFileOptions;
  #name: string | undefined;
  /** Of the last record that says one: for those that say none, where no $TTL does (RFC 1035 §5.1). */
  #lastTtlSeconds: number | undefined;

  constructor(zone: string, options: ZoneFileOptions) {
    this.#zone = zone;
    this.#options = options;
  }

  follow(path: string, from: Origin, zone: string): void {
    this.#options.included.follow(path, from, ({ name: file, text }) => {
      let current = zone;
      try {
        for (const entry of readEntries(text)) {
          const shown = brief(entry.words.map((word) => (word.quoted ? `"${word.text}"` : word.text)).join(" "));
          current = this.#take(entry, current, { line: entry.line, file, text: shown });
          if (this.#options.budget.isSpent) return;
        }
      } catch (error) {
        if (!(error instanceof MasterFileError)) throw error;
        const reason = error.message.replace(/^.*?: /, "");
        this.#options.problems.tell({ line: error.line, file, text: "" }, reason, "close it; what follows is left out");
      }
    });
  }

  /** @returns the origin of names from here on */
  #take({ words, indented }: Entry, zone: string, origin: Origin): string {
    const first = words[0]!;
    try {
      if (first.text.startsWith("$") && !first.quoted && !indented) return this.#directive(words, zone, origin);
      if (!indented) this.#name = parseName(first.text, zone).toLowerCase();
      this.#record(indented ? words : words.slice(1), zone, origin);
    } catch (error) {
      if (!(error instanceof NetloomError)) throw error;
      this.#tell(origin, error.message, "write it as in a zone file: NAME TYPE DATA");
    }
    return zone;
  }

  #directive(words: readonly Word[], zone: string, origin: Origin): string {
    const [keyword, value, further] = words.map(({ text }) => text);
    switch (keyword?.toUpperCase()) {
      case "$ORIGIN":
        return parseName(value ?? "", zone).toLowerCase();
      case "$TTL":
        this.ttlSeconds = parseDuration(value ?? "");
        return zone;
      case "$INCLUDE": {
        // RFC 1035 §5.1: behind it all is as before it.
        const name = this.#name;
        this.follow(value ?? "", origin, further === undefined ? zone : parseName(further, zone).toLowerCase());
        this.#name = name;
        return zone;
      }
      case "$GENERATE":
        for (const line of generate(words.slice(1))) {
          this.#name = parseName(line[0]?.text ?? "", zone).toLowerCase();
          this.#record(line.slice(1), zone, origin);
          if (this.#options.budget.isSpent) return zone;
        }
        return zone;
      default:
        this.#tell(origin, `${keyword} is not known`, "look up what it does, and write the records themselves");
        return zone;
    }
  }

  #record(words: readonly Word[], zone: string, origin: Origin): void {
    let ttlSeconds = this.ttlSeconds ?? this.#lastTtlSeconds;
    let next = 0;
    // TTL and class in any order.
    for (; next < 2; next++) {
      const text = words[next]?.text ?? "";
      if (/^\d[smhdw\d]*$/i.test(text)) this.#lastTtlSeconds = ttlSeconds = parseDuration(text);
      else if (parseDnsType(text) !== undefined || parseDnsClass(text) === undefined) break;
      else if (text.toUpperCase() !== "IN") return this.#tell(origin, "only class IN is served", "remove it");
    }
    const type = parseDnsType(words[next]?.text ?? "");
    if (type === undefined)
      return this.#tell(origin, `${words[next]?.text ?? "nothing"} is no type of records`, "write NAME TYPE DATA");
    const name = this.#name;
    if (name === undefined) return this.#tell(origin, "no name stands before it", "write @ for the zone's own");
    if (name !== this.#zone && !name.endsWith(`.${this.#zone}`))
      return this.#tell(origin, `${name} is not in the zone ${this.#zone}`, "write it in the zone that it is in");
    const data = words.slice(next + 1);
    const bytes = parseRecordData(type, data, zone);
    // $GENERATE can make gigabytes of a line.
    if (!this.#options.budget.take(1 + Math.floor(bytes.length / VALUE_BYTES), origin)) return;
    // As named takes it where nothing else is said.
    if (type === DNS_TYPE.SOA && ttlSeconds === undefined) this.#lastTtlSeconds = minimumOf(bytes);
    this.records.push({ name, type, ttlSeconds, data: bytes, words: data, origin });
    this.#checkFinalDot(type, data, origin);
  }

  /** "mail.example.org" in the zone example.org means mail.example.org.example.org. */
  #checkFinalDot(type: number, data: readonly Word[], origin: Origin): void {
    if (!NAMES.has(type)) return;
    const suspect = data.find(({ text, quoted }) => !quoted && text.toLowerCase().endsWith(`.${this.#zone}`));
    if (suspect === undefined) return;
    const means = `${suspect.text}.${this.#zone}`;
    this.#tell(
      origin,
      `${formatDnsType(type)} names ${means}`,
      `write ${suspect.text}. if that is meant, with a final dot`,
    );
  }

  #tell(origin: Origin, reason: string, remedy: string): void {
    this.#options.problems.tell(origin, reason, remedy);
  }
}

/** Of an SOA's data. */
function minimumOf(data: Uint8Array): number | undefined {
  return soaOf({ name: "", type: DNS_TYPE.SOA, class: DNS_CLASS.IN, ttlSeconds: 0, data })?.minimumSeconds;
}
