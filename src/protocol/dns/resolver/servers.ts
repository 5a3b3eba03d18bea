/** What is known of the servers that are asked, by how they answer. Bounded: who was not asked for long is forgotten. */
import { type Family, familyOf } from "../../../base/address.ts";
import type { DnsUpstream } from "../config.ts";

/** Of servers that zones name; the configured ones are always kept. */
const MOST_SERVERS = 10_000;
/** Unanswered attempts in a row, over at least so long a time, that make a server dead. */
const DEAD_ATTEMPTS = 3;
const DEAD_SECONDS = 1.2;
/** Refusals to be reached at all: these say more than silence. */
const DEAD_FAILURES = 2;
/** What fails within so long is one failure. */
const FAILURE_SECONDS = 0.1;
/** Before a dead server is tried again; doubled each time. */
const FIRST_PROBE_SECONDS = 2;
const LAST_PROBE_SECONDS = 15;
/** A server that refused EDNS is asked with it again after so long; one that had it within that time does not lose it. */
const WITHOUT_EXTENSION_SECONDS = 900;
const FOLDS_CASE_SECONDS = 3600;
/** A family in which nobody can be reached is left aside for so long. */
const FAMILY_SECONDS = 300;
const FAMILY_FAILURES = 3;
/** Waited for the answer of a server that was never asked. */
const UNKNOWN_WAIT_SECONDS = 0.4;
const LONGEST_WAIT_SECONDS = 3;

/** One server, and its record. Times in seconds. */
export interface ServerRecord {
  readonly server: DnsUpstream;
  readonly key: string;
  asked: number;
  answered: number;
  timeouts: number;
  /** Smoothed (RFC 6298 §2); undefined: never measured. */
  rttSeconds: number | undefined;
  deviationSeconds: number;
  /** Attempts without an answer since the last one. */
  silent: number;
  failures: number;
  /** The last of them. */
  failedAt: number;
  /** When the first of these was made. */
  silentSince: number;
  dead: boolean;
  /** When a dead one is asked again. */
  probeAt: number;
  probes: number;
  /** The last time. */
  askedAt: number;
  /** The last answer with EDNS. */
  extensionAt: number;
  /** EDNS is not spoken to it until then. */
  withoutExtensionUntil: number;
  /** It does not keep the case of letters: that says nothing of its answers until then. */
  foldsCaseUntil: number;
}

export function serverKey({ address, port, tlsName, onNetwork }: DnsUpstream): string {
  const place = onNetwork === true ? `on the network ${address}#${port}` : `${address}#${port}`;
  return tlsName === undefined ? place : `${place}#${tlsName}`;
}

export class Servers {
  readonly #configured: ReadonlyMap<string, ServerRecord>;
  /** The same, found without a key. */
  readonly #seen = new WeakMap<DnsUpstream, ServerRecord>();
  /** In the order of their last use. */
  readonly #others = new Map<string, ServerRecord>();
  readonly #families: Record<Family, { failures: number; since: number }> = {
    4: { failures: 0, since: 0 },
    6: { failures: 0, since: 0 },
  };

  constructor(configured: Iterable<DnsUpstream>) {
    this.#configured = new Map(Array.from(configured, (server) => [serverKey(server), newRecord(server)]));
  }

  configured(): Iterable<ServerRecord> {
    return this.#configured.values();
  }

  of(server: DnsUpstream): ServerRecord {
    const seen = this.#seen.get(server);
    if (seen !== undefined) return seen;
    const key = serverKey(server);
    const configured = this.#configured.get(key);
    if (configured !== undefined) {
      this.#seen.set(server, configured);
      return configured;
    }
    const record = this.#others.get(key) ?? newRecord(server);
    this.#others.delete(key);
    this.#others.set(key, record);
    if (this.#others.size > MOST_SERVERS) this.#others.delete(this.#others.keys().next().value!);
    return record;
  }

  noteAsked(record: ServerRecord, now: number): void {
    record.asked++;
    record.askedAt = now;
    if (record.dead && record.probeAt <= now) delayProbe(record, now);
  }

  /** @param rttSeconds undefined where it says little of the way there: TCP */
  noteAnswer(record: ServerRecord, rttSeconds: number | undefined): void {
    record.answered++;
    record.silent = 0;
    record.failures = 0;
    record.dead = false;
    record.probes = 0;
    this.#noteFamily(record, 0, 0);
    if (rttSeconds === undefined) return;
    if (record.rttSeconds === undefined) {
      record.rttSeconds = rttSeconds;
      record.deviationSeconds = rttSeconds / 2;
      return;
    }
    const difference = rttSeconds - record.rttSeconds;
    record.deviationSeconds += (Math.abs(difference) - record.deviationSeconds) / 4;
    record.rttSeconds += difference / 8;
  }

  /** The attempt that was made at `sentAt` is given up. */
  noteSilence(record: ServerRecord, sentAt: number, now: number): void {
    record.timeouts++;
    if (record.silent === 0) record.silentSince = sentAt;
    record.silent++;
    if (record.silent >= DEAD_ATTEMPTS && now - record.silentSince >= DEAD_SECONDS) bury(record, now);
  }

  /** It cannot be reached, or ended the connection. */
  noteFailure(record: ServerRecord, now: number): void {
    this.#noteFamily(record, this.#families[familyOf(record.server.address)].failures + 1, now);
    // All questions of one connection end together.
    if (now - record.failedAt < FAILURE_SECONDS) return;
    record.failedAt = now;
    if (record.silent === 0) record.silentSince = now;
    record.silent++;
    record.failures++;
    if (record.failures >= DEAD_FAILURES) bury(record, now);
  }

  /** This host has no route or no address of that family: one such word is enough. */
  noteCutOff(record: ServerRecord, now: number): void {
    this.#noteFamily(record, FAMILY_FAILURES, now);
  }

  /** What is on a network says nothing of the way to the rest. */
  #noteFamily({ server }: ServerRecord, failures: number, since: number): void {
    if (server.onNetwork !== true) this.#families[familyOf(server.address)] = { failures, since };
  }

  /** Whether nobody of that family has been reached lately: a host without IPv6. */
  isCutOff(family: Family, now: number): boolean {
    const { failures, since } = this.#families[family];
    return failures >= FAMILY_FAILURES && now - since < FAMILY_SECONDS;
  }

  areAllDead(servers: readonly DnsUpstream[]): boolean {
    return servers.every((server) => this.of(server).dead);
  }
}

function newRecord(server: DnsUpstream): ServerRecord {
  return {
    server,
    key: serverKey(server),
    asked: 0,
    answered: 0,
    timeouts: 0,
    rttSeconds: undefined,
    deviationSeconds: 0,
    silent: 0,
    failures: 0,
    failedAt: Number.NEGATIVE_INFINITY,
    silentSince: 0,
    dead: false,
    probeAt: 0,
    probes: 0,
    askedAt: Number.NEGATIVE_INFINITY,
    extensionAt: Number.NEGATIVE_INFINITY,
    withoutExtensionUntil: Number.NEGATIVE_INFINITY,
    foldsCaseUntil: Number.NEGATIVE_INFINITY,
  };
}

function bury(record: ServerRecord, now: number): void {
  if (record.dead) return;
  record.dead = true;
  delayProbe(record, now);
}

function delayProbe(record: ServerRecord, now: number): void {
  record.probeAt = now + Math.min(LAST_PROBE_SECONDS, FIRST_PROBE_SECONDS * 2 ** record.probes);
  record.probes++;
}

/** It has answered without EDNS what it refused to answer with it. */
export function noteRefusedExtension(record: ServerRecord, now: number): void {
  if (now - record.extensionAt > WITHOUT_EXTENSION_SECONDS)
    record.withoutExtensionUntil = now + WITHOUT_EXTENSION_SECONDS;
}

export function noteFoldedCase(record: ServerRecord, now: number): void {
  record.foldsCaseUntil = now + FOLDS_CASE_SECONDS;
}

/** How long its answer is waited for, the so-manyth time that one question goes to it (from 0). */
export function waitSeconds(record: ServerRecord, tries: number, leastSeconds: number): number {
  const expected =
    record.rttSeconds === undefined ? UNKNOWN_WAIT_SECONDS : record.rttSeconds + 4 * record.deviationSeconds;
  return Math.min(LONGEST_WAIT_SECONDS, Math.max(leastSeconds, expected) * 2 ** tries);
}
