/** How the commands of the name server read servers, addresses and files that a person has named. */
import { readFileSync } from "node:fs";
import { parseIp } from "../../../base/address.ts";
import { codeOf, NetloomError } from "../../../base/errors.ts";
import type { DnsServerConfig, DnsUpstream } from "../../../protocol/dns/config.ts";
import { readUpstream } from "../../../model/dns-leaf.ts";
import { Refused } from "../../../model/leaf.ts";
import { readEntries } from "../../../wire/dns/master.ts";
import { type Endpoint, parseEndpoint } from "./serve-options.ts";

export const DNS_PORT = 53;
const UNSPECIFIED = new Set(["0.0.0.0", "::"]);

/** @throws NetloomError bad-address, also for an address that stands for all, or stands there twice */
export function parseListen(text: string): Endpoint[] {
  const known = new Set<string>();
  return text.split(",").map((one) => {
    const endpoint = parseEndpoint(one, DNS_PORT);
    const place = `${endpoint.address}#${endpoint.port}`;
    if (known.has(place)) throw new NetloomError("bad-address", `${one} stands there twice`);
    known.add(place);
    if (UNSPECIFIED.has(endpoint.address))
      throw new NetloomError("bad-address", `${one}: replies have to leave from the address that was asked`, {
        hint: "name each address: --listen 127.0.0.1,192.0.2.1",
      });
    return endpoint;
  });
}

/** As a network file has it: "192.0.2.53", "tls://192.0.2.53#853/dns.example". @throws NetloomError bad-address */
export function parseUpstream(text: string): DnsUpstream {
  const upstream = readUpstream(text);
  if (!(upstream instanceof Refused)) return upstream;
  throw new NetloomError("bad-address", `${text} ${upstream.reason}`, { hint: upstream.remedy });
}

/** "corp.example=192.0.2.53,192.0.2.54" @throws NetloomError bad-address */
export function parseDomainUpstreams(text: string): DnsServerConfig["domains"][number] {
  const [, domain = "", servers] = /^\.?([^=]+?)\.?=(.+)$/.exec(text) ?? [];
  if (servers === undefined)
    throw new NetloomError("bad-address", `${text}: not DOMAIN=ADDRESS,…`, { hint: "corp.example=192.0.2.53" });
  return { domain: domain.toLowerCase(), upstreams: servers.split(",").map(parseUpstream) };
}

/** The addresses in a file of root hints, as https://www.internic.net/domain/named.root. @throws NetloomError bad-file */
export function readRootHints(path: string): DnsUpstream[] {
  const servers: DnsUpstream[] = [];
  for (const { words } of readEntries(readNamedFile(path))) {
    const place = words.findIndex(({ text }, index) => index > 0 && /^(?:A|AAAA)$/i.test(text));
    const address = place < 0 ? undefined : words[place + 1]?.text;
    if (address !== undefined) servers.push({ address: parseIp(address), port: DNS_PORT });
  }
  if (servers.length === 0) throw new NetloomError("bad-file", `${path}: no A or AAAA record is in it`);
  return servers;
}

/** @throws NetloomError bad-file */
export function readNamedFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new NetloomError("bad-file", `read ${path}: ${codeOf(cause) ?? "it cannot be read"}`, { cause });
  }
}
