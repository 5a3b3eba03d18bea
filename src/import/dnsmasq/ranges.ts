/** dhcp-range: `[tag:TAG,][set:TAG,]FIRST[,LAST|MODE[,NETMASK[,BROADCAST]]][,TIME]`. */
import { contains, type Ipv4Address, type Ipv4Prefix, ipv4ToNumber, networkOf, parseIpv4 } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { type Line, parseLeaseTime } from "./lines.ts";

export interface RangeLine {
  readonly line: Line;
  readonly first: Ipv4Address;
  readonly last: Ipv4Address;
  readonly subnet: Ipv4Prefix;
  /** The file does not tell the netmask. */
  readonly isGuessed: boolean;
  /** Whose members alone get addresses of it. */
  readonly tags: readonly string[];
  /** What clients are that get an address of it. */
  readonly sets: readonly string[];
  readonly interfaceName: string | undefined;
  readonly leaseSeconds: number | undefined;
  /** Only hosts of the file get addresses. */
  readonly isStatic: boolean;
}

const ADDRESS = /^\d+(\.\d+){3}$/;
/** What most networks have. */
const USUAL_LENGTH = 24;

function bad(reason: string, hint: string): NetloomError {
  return new NetloomError("bad-option", reason, { hint });
}

/** @throws NetloomError for a range that no network is made of */
export function readRange(line: Line): RangeLine {
  const marks = line.values.filter((value) => /^(tag|set|net|interface):/.test(value));
  const words = line.values.slice(marks.length);
  // The older form: a tag or an interface by its bare name.
  if (words[0] !== undefined && !/[.:]/.test(words[0])) marks.push(`interface:${words.shift()}`);
  const named = (prefix: RegExp): string[] =>
    marks.filter((mark) => prefix.test(mark)).map((mark) => mark.slice(mark.indexOf(":") + 1));
  const [start = "", ...rest] = words;
  if (start.includes(":") || rest[0]?.includes(":") === true) throw bad("it is of IPv6", "give the network a subnet6");
  const first = parseIpv4(start);
  const addresses = rest.filter((word) => ADDRESS.test(word)).map(parseIpv4);
  const modes = rest.filter((word) => /^[a-z-]+$/.test(word) && word !== "infinite");
  const isStatic = modes.includes("static");
  if (modes.includes("proxy")) throw bad("there is no proxy of another DHCP server", "serve the addresses here, too");
  const last = isStatic || addresses.length === 0 ? first : addresses.shift()!;
  if (!isStatic && last === first && rest[0] !== first) throw bad("the range has no end", "write its last address");
  const time = rest.at(-1);
  const leaseSeconds =
    time === undefined || ADDRESS.test(time) || modes.includes(time) ? undefined : parseLeaseTime(time);
  const subnet = subnetOf(first, last, addresses[0]);
  return {
    line,
    first: ipv4ToNumber(first) <= ipv4ToNumber(last) ? first : last,
    last: ipv4ToNumber(first) <= ipv4ToNumber(last) ? last : first,
    subnet,
    isGuessed: addresses[0] === undefined,
    tags: named(/^tag:/),
    sets: named(/^(set|net):/),
    interfaceName: named(/^interface:/)[0],
    leaseSeconds,
    isStatic,
  };
}

function subnetOf(first: Ipv4Address, last: Ipv4Address, mask: Ipv4Address | undefined): Ipv4Prefix {
  if (mask !== undefined) {
    const length = 32 - Math.log2(2 ** 32 - ipv4ToNumber(mask));
    if (!Number.isInteger(length)) throw bad(`${mask} is no netmask`, "write one such as 255.255.255.0");
    return networkOf({ address: first, length });
  }
  for (let length = USUAL_LENGTH; length > 8; length--) {
    const subnet = networkOf({ address: first, length });
    if (contains(subnet, last)) return subnet;
  }
  throw bad("the range is larger than a network", "give it a netmask");
}
