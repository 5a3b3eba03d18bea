/** A configuration of another DHCP or DNS server as a network file, whatever it is written for. */
import type { Ipv4Prefix } from "../base/address.ts";
import { importDhcpd } from "./dhcpd/dhcpd.ts";
import { importDnsmasq } from "./dnsmasq/dnsmasq.ts";
import { importHanewin } from "./hanewin/hanewin.ts";
import { type Files, Included } from "./included.ts";
import { importNamed } from "./named/named.ts";
import { formatNetworkFile, type NetworkFile } from "./network-file.ts";
import { type Problem, Problems } from "./problem.ts";

export const FORMATS = ["dhcpd", "dnsmasq", "hanewin", "named"] as const;
export type Format = (typeof FORMATS)[number];

export interface Imported {
  readonly format: Format;
  /** A file that netloom takes; undefined when the configuration declares nothing that it could serve. */
  readonly file: NetworkFile | undefined;
  /** What was not taken or is not quite the same, in the order of the lines. */
  readonly problems: readonly Problem[];
}

const IMPORTERS = { dhcpd: importDhcpd, dnsmasq: importDnsmasq, hanewin: importHanewin, named: importNamed } as const;

export interface ImportChoices {
  /** Default: what the text looks like. */
  readonly format?: Format;
  /** What may be read beside it; absent: nothing. */
  readonly files?: Files;
  /** The subnet that this host is on: all others are behind relay agents. Absent: this host is on each. */
  readonly link?: Ipv4Prefix;
}

/**
 * Read a dhcpd.conf(5), a dnsmasq.conf(5), haneWIN's DHCPsrv.ini or BIND's named.conf(5). Nothing is thrown, whatever the text.
 * @param name of the file, for a comment
 */
export function importConfiguration(
  text: string,
  name: string,
  { format = formatOf(text), files, link }: ImportChoices = {},
): Imported {
  const problems = new Problems();
  const included = new Included(files, problems);
  const networks = IMPORTERS[format](text, { included, problems, ...(link === undefined ? {} : { link }) });
  const title = `Made from ${name.replaceAll(/[^ -~]/g, "?")} by netloom import.`;
  const file = networks.length === 0 ? undefined : formatNetworkFile(networks, title, problems);
  return { format, file, problems: problems.all() };
}

/** Statements of dhcpd and named end with a semicolon or open a block; an ini file has sections. */
function formatOf(text: string): Format {
  if (/^\[[^\]\n]*\][ \t]*\r?$/m.test(text) && /^(Profile\d+|BaseIP|TFTP\w+|IPPOOL_\d+) *=/im.test(text))
    return "hanewin";
  if (isOfNamed(text)) return "named";
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  const ofDhcpd = lines.filter((line) => /[;{}]$/.test(line)).length;
  const ofDnsmasq = lines.filter((line) => /^(--)?[a-z0-9-]+(=.*[^;{])?$/.test(line)).length;
  return ofDhcpd >= ofDnsmasq ? "dhcpd" : "dnsmasq";
}

/** dhcpd has zones and keys, too; Debian's named.conf has nothing but includes. */
function isOfNamed(text: string): boolean {
  if (/^\s*(subnet|subnet6|shared-network|host|group)\b/m.test(text)) return false;
  if (/^\s*include\s+"[^"\n]*named\.conf[^"\n]*"\s*;/m.test(text)) return true;
  return /^\s*(options\s*\{|acl\s+"?[\w.-]+"?\s*\{|(zone|view)\s+"[^"\n]*"(\s+in)?\s*\{)/im.test(text);
}
