/** Options of named.conf that a network's DNS section has: whom it asks, whom it answers, what it remembers. */
import { NetloomError } from "../../base/errors.ts";
import { parseDuration } from "../../wire/dns/text.ts";
import type { DraftDns, Located } from "../draft.ts";
import type { Problems } from "../problem.ts";
import { type ClientLists, CLIENTS } from "./clients.ts";
import type { NamedConfiguration } from "./configuration.ts";
import { formatLife } from "./records.ts";
import type { ServerLists } from "./servers.ts";
import type { Statement } from "./statements.ts";

const LONGEST_LIFE_SECONDS = 604_800;

/** Keywords that are read here. */
export const READ_OPTIONS: ReadonlySet<string> = new Set([
  ...CLIENTS,
  "forwarders",
  "forward",
  "recursion",
  "listen-on",
  "listen-on-v6",
  "max-cache-ttl",
  "min-cache-ttl",
  "max-ncache-ttl",
  "max-cache-size",
  "stale-answer-enable",
  "max-stale-ttl",
]);

export function readOptions(
  { options }: NamedConfiguration,
  { servers, clients }: { readonly servers: ServerLists; readonly clients: ClientLists },
  problems: Problems,
): Omit<DraftDns, "records" | "domains"> {
  const forwarders = options.get("forwarders");
  const forward = forwarders === undefined ? [] : servers.servers(forwarders);
  const only = options.get("forward");
  const mode: Located<string> | undefined =
    forward.length === 0
      ? {
          value: "recursive",
          origin: { ...((forwarders ?? only ?? options.values().next().value)?.origin ?? { line: 1, text: "" }) },
        }
      : only?.words[1] === "only"
        ? { value: "forward-only", origin: { ...only.origin } }
        : undefined;
  const allow = clients.allowed();
  tellRecursion(options, problems);
  tellPorts(options, problems);
  return {
    forward,
    ...(mode === undefined ? {} : { mode }),
    ...(allow === undefined ? {} : { allow }),
    cache: readCache(options, problems),
  };
}

function tellRecursion(options: NamedConfiguration["options"], problems: Problems): void {
  const recursion = options.get("recursion");
  if (recursion !== undefined && /^(no|false|0)$/i.test(recursion.words[1] ?? ""))
    problems.tell(
      recursion.origin,
      "a network's server asks others for who is allowed",
      "leave the network without a router and forward:, and it answers its own names alone",
    );
}

function tellPorts(options: NamedConfiguration["options"], problems: Problems): void {
  for (const key of ["listen-on", "listen-on-v6"]) {
    const statement = options.get(key);
    const port =
      statement?.words.includes("port") === true ? statement.words[statement.words.indexOf("port") + 1] : "53";
    if (statement !== undefined && port !== "53")
      problems.tell(statement.origin, "a network's server answers on port 53", "have clients ask there");
    else if (statement?.words.includes("tls") === true && !statement.words.includes("none"))
      problems.tell(statement.origin, "a network's server does not answer over TLS", "have clients ask on port 53");
  }
}

function readCache(options: NamedConfiguration["options"], problems: Problems): DraftDns["cache"] {
  const life = (option: string): Located<string> | undefined => {
    const statement = options.get(option);
    const seconds = statement === undefined ? undefined : readSeconds(statement, problems);
    if (statement === undefined || seconds === undefined || seconds === 0) return undefined;
    if (seconds > LONGEST_LIFE_SECONDS)
      problems.tell(statement.origin, "7 days is the longest", "nothing is to be done");
    return { value: formatLife(Math.min(seconds, LONGEST_LIFE_SECONDS)), origin: { ...statement.origin } };
  };
  const isStale = /^(yes|true|1)$/i.test(options.get("stale-answer-enable")?.words[1] ?? "");
  const entries = {
    size: readSize(options.get("max-cache-size"), problems),
    "min-ttl": life("min-cache-ttl"),
    "max-ttl": life("max-cache-ttl"),
    "max-negative": life("max-ncache-ttl"),
    stale: isStale ? life("max-stale-ttl") : undefined,
  };
  return Object.entries(entries).flatMap(([key, located]) => (located === undefined ? [] : [{ key, located }]));
}

function readSeconds({ words, origin }: Statement, problems: Problems): number | undefined {
  try {
    return parseDuration(words[1] ?? "");
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    problems.tell(origin, error.message, "write a number of seconds");
    return undefined;
  }
}

/** Shares of the machine's memory, and no limit, are left to the default. */
function readSize(statement: Statement | undefined, problems: Problems): Located<string> | undefined {
  const [, number = "", unit = ""] = /^(\d{1,12})([kmg]?)b?$/i.exec(statement?.words[1] ?? "") ?? [];
  if (statement === undefined || number === "" || Number(number) === 0) return undefined;
  const kibibytes = Math.ceil(
    (Number(number) * ({ k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1)) / 1024,
  );
  if (kibibytes < 64 || kibibytes > 4 * 1024 ** 2)
    problems.tell(statement.origin, "the cache has 64K to 4096M", "nothing is to be done");
  const size = Math.min(Math.max(kibibytes, 64), 4 * 1024 ** 2);
  return { value: size % 1024 === 0 ? `${size / 1024}M` : `${size}K`, origin: { ...statement.origin } };
}
