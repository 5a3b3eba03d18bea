/** What a person does with the DNS servers of networks: look at what they remember, and have it forgotten. */
import { NetloomError } from "../base/errors.ts";
import type { CachedResponse } from "../protocol/dns/cache/cached-response.ts";
import { decodeDnsMessage } from "../wire/dns/codec.ts";
import { formatRecordData } from "../wire/dns/text.ts";
import { formatResponseCode, formatDnsType } from "../wire/dns/types.ts";
import { Malformed } from "../wire/malformed.ts";
import type { NetworkDnsServers } from "./dns-network.ts";
import type { DnsService } from "./dns/server.ts";

/** One question with what is told to it. */
export interface RememberedAnswer {
  /** FILE/NETWORK */
  readonly network: string;
  readonly name: string;
  /** "AAAA" */
  readonly type: string;
  /** "NOERROR", "NXDOMAIN" */
  readonly result: string;
  /** "A 192.0.2.1", aliases on the way included. */
  readonly answers: readonly string[];
  /** For how long; 0: it is told only while nobody answers. */
  readonly remainingSeconds: number;
  /** Times that it was told lately. */
  readonly hits: number;
}

/**
 * Those that are asked for most come first.
 * @param wanted NETWORK or FILE/NETWORK; undefined: all
 * @param most of each network
 * @throws NetloomError no-such-network
 */
export function rememberedAnswers(
  servers: NetworkDnsServers,
  wanted: string | undefined,
  most: number,
): RememberedAnswer[] {
  return chosen(servers, "cache", wanted).flatMap(([network, service]) =>
    Array.from(service.entries(most), (entry) => describe(network, entry)),
  );
}

/**
 * @param name with all its types, without names below it; undefined: all
 * @returns the networks, as FILE/NETWORK
 * @throws NetloomError no-such-network
 */
export function flushAnswers(
  servers: NetworkDnsServers,
  wanted: string | undefined,
  name: string | undefined,
): string[] {
  return chosen(servers, "flush", wanted).map(([network, service]) => {
    service.flush(name);
    return network;
  });
}

function chosen(servers: NetworkDnsServers, operation: string, wanted: string | undefined): [string, DnsService][] {
  const all = [...servers.running()];
  const found = all.filter(([network]) => wanted === undefined || isMeant(network, wanted));
  if (found.length > 0 || wanted === undefined) return found;
  const names = all.map(([network]) => network).join(", ");
  throw new NetloomError("no-such-network", `dns ${operation} ${wanted}: no DNS server of such a network runs`, {
    hint: names === "" ? "No network has one: dns: true in its file." : `There are: ${names}.`,
  });
}

/** Whether a person who says `wanted` means the network FILE/NETWORK. */
export function isMeant(network: string, wanted: string): boolean {
  return network === wanted || network.endsWith(`/${wanted}`);
}

function describe(
  network: string,
  { question, responseCode, remainingSeconds, hits, message }: CachedResponse,
): RememberedAnswer {
  const decoded = decodeDnsMessage(message);
  const answers = decoded instanceof Malformed ? [] : decoded.answers;
  return {
    network,
    name: question.name,
    type: formatDnsType(question.type),
    result: formatResponseCode(responseCode),
    answers: answers.map(({ type, data }) => `${formatDnsType(type)} ${formatRecordData(type, data)}`),
    remainingSeconds,
    hits,
  };
}
