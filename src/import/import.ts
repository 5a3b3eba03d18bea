/** A configuration of another DHCP server as a network file, whatever it is written for. */
import { importDhcpd } from "./dhcpd/dhcpd.ts";
import { importDnsmasq } from "./dnsmasq/dnsmasq.ts";
import { formatNetworkFile, type NetworkFile } from "./network-file.ts";
import { type Problem, Problems } from "./problem.ts";

export const FORMATS = ["dhcpd", "dnsmasq"] as const;
export type Format = (typeof FORMATS)[number];

export interface Imported {
  readonly format: Format;
  /** A file that netloom takes; undefined when the configuration declares nothing that it could serve. */
  readonly file: NetworkFile | undefined;
  /** What was not taken or is not quite the same, in the order of the lines. */
  readonly problems: readonly Problem[];
}

const IMPORTERS = { dhcpd: importDhcpd, dnsmasq: importDnsmasq } as const;

/**
 * Read a dhcpd.conf(5) or a dnsmasq.conf(5). Nothing is thrown, whatever the text.
 * @param name of the file, for a comment
 * @param format default: what the text looks like
 */
export function importConfiguration(text: string, name: string, format = formatOf(text)): Imported {
  const problems = new Problems();
  const networks = IMPORTERS[format](text, problems);
  const title = `Made from ${name.replaceAll(/[^ -~]/g, "?")} by netloom import.`;
  const file = networks.length === 0 ? undefined : formatNetworkFile(networks, title, problems);
  return { format, file, problems: problems.all() };
}

/** Statements of dhcpd end with a semicolon or open a block. */
function formatOf(text: string): Format {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  const ofDhcpd = lines.filter((line) => /[;{}]$/.test(line)).length;
  const ofDnsmasq = lines.filter((line) => /^(--)?[a-z0-9-]+(=.*[^;{])?$/.test(line)).length;
  return ofDhcpd >= ofDnsmasq ? "dhcpd" : "dnsmasq";
}
