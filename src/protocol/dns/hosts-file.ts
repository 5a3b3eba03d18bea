/** /etc/hosts and files like it (hosts(5)): an address and its names on a line, "#" begins a comment. */
import { type IpAddress, parseIp } from "../../base/address.ts";
import { encodeDomainName } from "../../wire/domain-name.ts";

interface HostsFile {
  /** In lower case, without a final dot, each with all of its addresses in the order of the file. */
  readonly hosts: ReadonlyMap<string, readonly IpAddress[]>;
  /** Lines that were passed over, with the reason. */
  readonly problems: readonly { readonly line: number; readonly reason: string }[];
}

export function parseHostsFile(text: string): HostsFile {
  const hosts = new Map<string, IpAddress[]>();
  const problems: { line: number; reason: string }[] = [];
  text.split("\n").forEach((content, index) => {
    const [addressText, ...names] = content
      .replace(/#.*/, "")
      .split(/\s+/)
      .filter((word) => word !== "");
    if (addressText === undefined) return;
    const read = readLine(addressText, names);
    if (typeof read === "string") {
      problems.push({ line: index + 1, reason: read });
      return;
    }
    for (const name of read.names) {
      const known = hosts.get(name) ?? [];
      if (!known.includes(read.address)) hosts.set(name, [...known, read.address]);
    }
  });
  return { hosts, problems };
}

/** @returns the reason when the line says nothing */
function readLine(addressText: string, names: readonly string[]): { address: IpAddress; names: string[] } | string {
  let address: IpAddress;
  try {
    address = parseIp(addressText);
  } catch {
    // Also addresses with a zone (fe80::1%eth0), which mean nothing to others.
    return `${addressText} is no address`;
  }
  if (names.length === 0) return `${addressText} has no name`;
  try {
    for (const name of names) encodeDomainName(name);
  } catch {
    return `${names.join(" ")}: not all of these can be names`;
  }
  return { address, names: names.map((name) => name.replace(/\.$/, "").toLowerCase()) };
}
