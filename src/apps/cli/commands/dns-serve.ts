/** dns serve: a caching name server in the foreground, without a file of networks. */
import { once } from "node:events";
import { type IpAddress, parsePrefix } from "../../../base/address.ts";
import { messageOf } from "../../../base/errors.ts";
import { IdleMemory, keepOldGenerationSmall, keepYoungGenerationSmall } from "../../../daemon/memory.ts";
import type { DnsServerConfig } from "../../../protocol/dns/config.ts";
import { parseHostsFile } from "../../../protocol/dns/hosts-file.ts";
import { Neighbours } from "../../../services/dns/neighbours.ts";
import { DnsService } from "../../../services/dns/server.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { complain, print, printJson, STDERR_LOGGER } from "../output.ts";
import {
  DNS_PORT,
  parseDomainUpstreams,
  parseListen,
  parseUpstream,
  readNamedFile,
  readRootHints,
} from "./dns-options.ts";
import { attempt, type Endpoint } from "./serve-options.ts";

const COMMAND = { name: "dns serve" } as const;
const MODES = ["forward-first", "forward-only", "recursive"] as const;
const MEBIBYTE = 2 ** 20;
const DEFAULT_CACHE_MEBIBYTES = 64;
const DAY_SECONDS = 86_400;
/** How often it is looked whether there was work that has left memory behind. */
const MEMORY_MILLISECONDS = 2000;
/** With fewer questions since the last look, hardly anybody notices the pause that a collection is. */
const FEW_QUESTIONS = 200;

export const dnsServeCommand: Command = {
  ...COMMAND,
  operands: [],
  summary: "Answer DNS questions from a cache, other servers and a hosts file, until SIGTERM or Ctrl-C.",
  details:
    "UDP and TCP, IPv4 and IPv6. A server to be asked over TLS is written tls://ADDRESS[#PORT][/NAME], where NAME is what " +
    "its certificate has to be for, without one the address; NODE_EXTRA_CA_CERTS names a file of further authorities. " +
    "SIGHUP reads the hosts file anew. Private addresses in answers are passed on, since who is asked may be of a " +
    "private network: what keeps them out (rebinding protection) is a setting of the network file.",
  options: {
    listen: { value: "ADDRESS[#PORT],…", necessary: true, help: "our own addresses that are served (port 53)" },
    forward: {
      value: "ADDRESS[#PORT],…",
      help: "name servers that are asked; the quickest one that answers is preferred",
    },
    mode: {
      value: "MODE",
      help:
        "forward-only: ask those alone; forward-first: when they fail, the root servers and so on; recursive: these " +
        "at once (default forward-only, without --forward recursive)",
    },
    domain: {
      value: "DOMAIN=ADDRESS[#PORT],…",
      repeatable: true,
      help: "who is asked about names in and below a domain instead",
    },
    allow: {
      value: "CIDR,…",
      help:
        "who is answered; others get REFUSED (default this host, the networks it is in, and private addresses; " +
        "0.0.0.0/0,::/0 is everybody)",
    },
    hosts: { value: "FILE", help: "names with addresses of their own, written as in /etc/hosts" },
    "root-hints": { value: "FILE", help: "addresses of other root servers, written as in named.root" },
    cache: { value: "MIB", help: `memory for answers, 1 to 1024 (default ${DEFAULT_CACHE_MEBIBYTES})` },
    stale: { value: "SECONDS", help: "for how long what has ended is told while nobody else answers (default 86400)" },
  },
  example: "netloom dns serve --listen 127.0.0.1 --forward 192.0.2.53,tls://192.0.2.54/dns.example --hosts /etc/hosts",
  async run(invocation) {
    const hosts = new Hosts(invocation.option("hosts"));
    // Before all that takes time: a SIGHUP of meanwhile must not end the server.
    using _hangUp = hosts.readOnHangUp();
    const places = invocation.necessary("listen");
    const listen = attempt(option("listen"), () => parseListen(places));
    const config = readConfig(invocation);
    refuseCircle(listen, config);
    using interrupt = untilInterrupted(["SIGINT", "SIGTERM"]);
    keepYoungGenerationSmall();
    keepOldGenerationSmall();
    const answered = config.allow === undefined ? { answered: new Neighbours({ onStranger: tellStranger }) } : {};
    await using service = new DnsService({ listen, config, ...answered, logger: STDERR_LOGGER });
    hosts.read(service);
    using _memory = returnMemory(service);
    tell(invocation.flag("json"), listen, config);
    if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
    return 0;
  },
};

function tellStranger(address: IpAddress): void {
  complain(`warning: ${address} and others who are in no network of this host are refused`);
  complain("hint: --allow CIDR,… says who is answered, --allow 0.0.0.0/0,::/0 answers everybody");
}

/** After each burst of questions. */
function returnMemory(service: DnsService): Disposable {
  const memory = new IdleMemory();
  let received = 0;
  const look = (): void => {
    const now = service.stats().received;
    if (now - received > FEW_QUESTIONS) memory.worked();
    received = now;
  };
  const timer = setInterval(look, MEMORY_MILLISECONDS).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      memory[Symbol.dispose]();
    },
  };
}

/** Whose value is read. */
function option(name: string): { readonly name: string } {
  return { name: `${COMMAND.name}: --${name}` };
}

function readConfig(invocation: Invocation): DnsServerConfig {
  const [forward, allow, rootHints] = ["forward", "allow", "root-hints"].map((name) => invocation.option(name));
  const upstreams = attempt(option("forward"), () => forward?.split(",").map(parseUpstream) ?? []);
  const mode = readMode(invocation.option("mode") ?? (upstreams.length > 0 ? "forward-only" : "recursive"));
  const domains = attempt(option("domain"), () => invocation.optionList("domain").map(parseDomainUpstreams));
  if (mode !== "recursive" && upstreams.length === 0) throw usageError(`dns serve: --mode ${mode} needs --forward`);
  if (mode === "recursive" && upstreams.length > 0)
    throw usageError("dns serve: --mode recursive asks no --forward", "--mode forward-first asks those first.");
  return {
    mode,
    upstreams,
    domains,
    zones: [],
    mixedCase: false,
    cache: {
      bytes: readNumber(invocation, "cache", [1, 1024], DEFAULT_CACHE_MEBIBYTES) * MEBIBYTE,
      minimumTtlSeconds: 0,
      maximumTtlSeconds: DAY_SECONDS,
      maximumNegativeSeconds: 3600,
      staleSeconds: readNumber(invocation, "stale", [0, 7 * DAY_SECONDS], DAY_SECONDS),
    },
    ...(allow === undefined ? {} : { allow: attempt(option("allow"), () => allow.split(",").map(parsePrefix)) }),
    ...(rootHints === undefined ? {} : { rootServers: readRootHints(rootHints) }),
  };
}

/** @throws NetloomError usage */
function refuseCircle(listen: readonly Endpoint[], { upstreams, domains }: DnsServerConfig): void {
  const own = [...upstreams, ...domains.flatMap((domain) => domain.upstreams)].find((upstream) =>
    listen.some(({ address, port }) => address === upstream.address && port === upstream.port),
  );
  if (own !== undefined)
    throw usageError(`dns serve: ${own.address}#${own.port} would ask itself: it is one of --listen`);
}

function readMode(text: string): DnsServerConfig["mode"] {
  const mode = MODES.find((known) => known === text);
  if (mode === undefined) throw usageError(`dns serve: --mode ${text}: not one of ${MODES.join(", ")}`);
  return mode;
}

function readNumber(
  invocation: Invocation,
  name: string,
  [least, most]: readonly [number, number],
  otherwise: number,
): number {
  const text = invocation.option(name);
  if (text === undefined) return otherwise;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw usageError(`dns serve: --${name} ${text}: not from ${least} to ${most}`);
  return value;
}

/** The hosts file, if there is one, and what of it the service knows. */
class Hosts {
  readonly #path: string | undefined;
  #known: ReadonlyMap<string, readonly IpAddress[]> = new Map();
  /** Who is told of them. */
  #service: DnsService | undefined;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** @throws NetloomError bad-file */
  read(service: DnsService): void {
    this.#service = service;
    if (this.#path === undefined) return;
    const { hosts, problems } = parseHostsFile(readNamedFile(this.#path));
    for (const { line, reason } of problems) complain(`warning: ${this.#path}, line ${line}: ${reason}`);
    const gone = [...this.#known.keys()].filter((name) => !hosts.has(name));
    service.setHosts([...gone.map((name) => [name, []] as const), ...hosts]);
    this.#known = hosts;
  }

  /** Once they are known: until then they are still to be read. */
  readOnHangUp(): Disposable {
    const read = (): void => {
      if (this.#service === undefined) return;
      try {
        this.read(this.#service);
        if (this.#path !== undefined) complain(`${this.#path} was read: ${this.#known.size} names`);
      } catch (error) {
        complain(`warning: the names of before stay: ${messageOf(error)}`);
      }
    };
    process.on("SIGHUP", read);
    return { [Symbol.dispose]: () => void process.off("SIGHUP", read) };
  }
}

function tell(json: boolean, listen: readonly Endpoint[], { mode, upstreams }: DnsServerConfig): void {
  if (json) {
    printJson({ listen, mode, upstreams });
    return;
  }
  const places = listen.map(({ address, port }) => (port === DNS_PORT ? address : `${address}#${port}`)).join(", ");
  print(`Answering DNS on ${places}, ${mode}.`);
}
