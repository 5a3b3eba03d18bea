/**
 * A DNS server on sockets: UDP and TCP on any addresses of a network namespace.
 *
 * What the cache knows is answered within the batch of datagrams in which it came. The rest waits for its turn and goes
 * through the machine, which may ask other servers. Who is not allowed is refused before anything else.
 */
import { randomBitsSource } from "./random-bits.ts";
import type { IpAddress } from "../../base/address.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { closeDescriptor, openNamespace } from "../../kernel/native.ts";
import { AnswerCache, type AnswerCacheStats } from "../../protocol/dns/cache/answer-cache.ts";
import type { CachedResponse } from "../../protocol/dns/cache/cached-response.ts";
import type { DnsServerConfig } from "../../protocol/dns/config.ts";
import { DnsResolver } from "../../protocol/dns/resolver/resolver.ts";
import type { ResolverStats } from "../../protocol/dns/resolver/stats.ts";
import { DnsServer, type DnsServerOutput } from "../../protocol/dns/server/server.ts";
import type { DnsServerStats } from "../../protocol/dns/server/stats.ts";
import { BoundedLog } from "../bounded-log.ts";
import { Alarm } from "../clock.ts";
import type { ListenPlace } from "../listen.ts";
import { AllowList, type Askers } from "./allow-list.ts";
import { type Asker, LongWay } from "./long-way.ts";
import { decodeAddress, type SocketAddress } from "../../kernel/socket-address.ts";
import { TcpListener } from "./tcp-listener.ts";
import { UdpListener } from "./udp-listener.ts";
import { UpstreamExchange } from "./upstream-exchange.ts";
import { WakefulClock } from "./wakeful-clock.ts";

const HEADER_BYTES = 12;

interface DnsServiceOptions {
  /**
   * Where it listens, and asks those servers from that are on the network; all others are asked from our own network
   * namespace, which is the default.
   */
  readonly namespacePath?: string;
  /** Addresses of our own, no wildcards: a reply leaves from the address that was asked. */
  readonly listen: readonly SocketAddress[];
  /** They need not be there yet: IPv6 addresses take their time. Default: who has none of them is told so. */
  readonly isAhead?: boolean;
  readonly config: DnsServerConfig;
  /** Who is answered; default: who the configuration says. */
  readonly answered?: Askers;
  readonly logger: Logger;
  /** Fields of every line of the log. */
  readonly about?: Readonly<Record<string, unknown>>;
}

/** What happened since the start. */
export interface DnsServiceStats {
  /** Datagrams that came. */
  readonly received: number;
  /** Queries that the cache answered as they came. */
  readonly answered: number;
  /** Queries of who is not allowed. */
  readonly refused: number;
  /** Queries that were let go as too many were being worked on. */
  readonly dropped: number;
  /** Queries that are being worked on. */
  readonly underWay: number;
  /** Replies that the kernel did not take. */
  readonly notSent: number;
  /** TCP connections that were accepted. */
  readonly connections: number;
  readonly cache: AnswerCacheStats;
  readonly server: DnsServerStats;
  readonly resolver: ResolverStats;
}

export class DnsService implements AsyncDisposable {
  readonly #log: BoundedLog;
  readonly #cache: AnswerCache;
  readonly #resolver: DnsResolver;
  readonly #server: DnsServer;
  readonly #longWay: LongWay;
  readonly #udp: UdpListener[] = [];
  readonly #tcp: TcpListener[] = [];
  readonly #clock = new WakefulClock();
  readonly #alarm = new Alarm(() => this.#handleDeadline());
  readonly #upstream: UpstreamExchange;
  readonly #namespace: number | undefined;
  #deadline: number | undefined;
  #settling: NodeJS.Immediate | undefined;
  #isClosed = false;

  /**
   * Serve until closed.
   * @throws NetloomError address-in-use, no-such-address, no-privilege; SystemCallError
   */
  constructor(options: DnsServiceOptions) {
    const { namespacePath, listen, isAhead = false, config, logger, about = {} } = options;
    this.#log = new BoundedLog(logger, about);
    const random = randomBitsSource();
    this.#cache = new AnswerCache(config.cache, [random(32) | 0, random(32) | 0]);
    this.#resolver = new DnsResolver(config, this.#cache, random);
    this.#server = new DnsServer(config, { cache: this.#cache, resolver: this.#resolver });
    this.#longWay = new LongWay({
      work: (query, asker, token) => this.#deliver(this.#server.handle(query, asker, token, this.#clock.now())),
      onTurnEnd: () => this.#settle(),
      now: () => this.#clock.now(),
    });
    this.#namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
    this.#upstream = new UpstreamExchange(this.#namespace, (event) =>
      this.#act((now) => this.#server.handleUpstream(event, now)),
    );
    try {
      const allow = options.answered ?? new AllowList(config.allow);
      for (const address of listen) this.#listen({ listen: address, namespace: this.#namespace, isAhead }, allow);
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  #listen(address: ListenPlace, allow: Askers): void {
    const onError = (error: unknown): void =>
      this.#log.write("warn", "DNS socket error", { address: address.listen.address, error: messageOf(error) });
    const place = { ...address, allow, onError };
    const udp: UdpListener = new UdpListener({
      ...place,
      cache: this.#cache,
      now: () => this.#clock.now(),
      onQuery: (query, peer) => {
        if (!isQuery(query)) return;
        const answer = (message: Uint8Array | undefined): void => {
          if (message !== undefined) udp.send(message, peer);
        };
        this.#longWay.add(query, { address: decodeAddress(peer), transport: "udp", answer });
      },
      onBatchEnd: () => this.#refresh(),
    });
    this.#udp.push(udp);
    const onQuery = (query: Uint8Array, asker: Asker): void => {
      if (!isQuery(query) || !this.#longWay.add(query, asker)) setImmediate(() => asker.answer(undefined));
    };
    this.#tcp.push(new TcpListener({ ...place, onQuery }));
  }

  /** Ask anew for what is popular, before it ends. */
  #refresh(): void {
    if (this.#cache.hasPopular) this.#act((now) => this.#server.refreshPopular(now));
  }

  #act(turn: (nowSeconds: number) => DnsServerOutput): void {
    this.#deliver(turn(this.#clock.now()));
    // What other servers answer at one time leaves together.
    this.#settling ??= setImmediate(() => {
      this.#settling = undefined;
      this.#settle();
    });
  }

  #deliver({ replies, queries, ended }: DnsServerOutput): void {
    for (const { token, message } of replies) this.#longWay.finish(token, message);
    this.#upstream.end(ended);
    this.#upstream.send(queries);
  }

  /** After a turn: what it made leaves, and the next deadline is waited for. */
  #settle(): void {
    for (const listener of this.#udp) listener.flush();
    const deadline = this.#server.nextDeadline();
    if (deadline === this.#deadline) return;
    this.#deadline = deadline;
    this.#alarm.set(deadline === undefined ? undefined : this.#clock.steadyAt(deadline));
  }

  #handleDeadline(): void {
    this.#deadline = undefined;
    this.#act((now) => this.#server.handleDeadline(now));
  }

  /** A name that comes and goes, with its addresses in place of those that it had. */
  setHost(name: string, addresses: readonly IpAddress[]): void {
    this.#server.setHost(name, addresses);
  }

  /** The same for many at a time. */
  setHosts(hosts: Iterable<readonly [name: string, addresses: readonly IpAddress[]]>): void {
    this.#server.setHosts(hosts);
  }

  /** Zones in place of those of the configuration; hosts stay. */
  setZones(zones: DnsServerConfig["zones"]): void {
    this.#server.setZones(zones);
  }

  removeHost(name: string): void {
    this.#server.removeHost(name);
  }

  /** Forget what is known of a name, or all of it, also that nothing could be found out. */
  flush(name?: string): void {
    if (name === undefined) this.#cache.clear();
    else this.#cache.remove(name);
    this.#resolver.forget(name);
  }

  /** What is in the cache, at most so much of it, the most asked for first; to be gone through at once. */
  entries(most: number): Iterable<CachedResponse> {
    return this.#cache.entries(this.#clock.now(), most);
  }

  /** A copy as of now. */
  stats(): DnsServiceStats {
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    return {
      received: sum(this.#udp.map(({ received }) => received)),
      answered: sum(this.#udp.map(({ answered }) => answered)),
      refused: sum([...this.#udp, ...this.#tcp].map(({ refused }) => refused)),
      dropped: this.#longWay.dropped,
      underWay: this.#longWay.open,
      notSent: sum(this.#udp.map(({ notSent }) => notSent)),
      connections: sum(this.#tcp.map(({ connections }) => connections)),
      cache: this.#cache.stats(),
      server: this.#server.stats(),
      resolver: this.#resolver.stats(),
    };
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearImmediate(this.#settling);
    for (const listener of [...this.#udp, ...this.#tcp]) listener.close();
    this.#longWay.close();
    this.#upstream.close();
    this.#alarm[Symbol.dispose]();
    if (this.#namespace !== undefined) closeDescriptor(this.#namespace);
  }

  /** Nothing is answered afterwards. */
  close(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What is no query is never answered, or two servers might answer each other for ever. */
function isQuery(message: Uint8Array): boolean {
  return message.length >= HEADER_BYTES && (message[2]! & 0x80) === 0;
}
