/** A dhcpd.conf to its scopes, subnets, hosts and classes (dhcpd.conf(5)). */
import { type Ipv4Address, type Ipv4Prefix, ipv4ToNumber, networkOf, parseIpv4, parseMac } from "../../base/address.ts";
import { toHex } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import { formatRange, type Located, MOST_NETWORKS } from "../draft.ts";
import { badOption } from "../option-value.ts";
import type { Included } from "../included.ts";
import type { Problems } from "../problem.ts";
import { SubnetIndex } from "../subnet-index.ts";
import { parseSubject, type Subject } from "./condition.ts";
import type { Token } from "./lexer.ts";
import { encodeBytes, OptionDefinitions } from "./option-definitions.ts";
import { around, type Conditional, type Host, openScope, type Scope, sharedNetworkOf, type Subnet } from "./scope.ts";
import { keywords, parseStatements, type Statement } from "./statements.ts";
import { PERMISSIONS, UNTAKEN, WITHOUT_EFFECT } from "./untaken.ts";

export interface ClassDeclaration {
  readonly scope: Scope;
  readonly name: string;
  /** Words behind `match if`. */
  condition?: Located<readonly Token[]>;
  /** What `match` tells its subclasses apart by. */
  subject?: Subject;
  readonly subclasses: { readonly scope: Scope; readonly value: Token }[];
}

/** In what a statement stands. */
interface Place {
  readonly subnet?: Subnet;
  readonly host?: Host;
  readonly class?: ClassDeclaration;
}

const CLIENT_IDENTIFIER = 61;
/** People define one or two. */
const MOST_SPACES = 32;

export class DhcpdConfiguration {
  readonly problems: Problems;
  readonly definitions = new OptionDefinitions();
  readonly file: Scope = openScope("file", undefined, { line: 1, text: "" });
  readonly subnets: Subnet[] = [];
  readonly hosts: Host[] = [];
  readonly classes = new Map<string, ClassDeclaration>();
  readonly #sharedPools: Scope[] = [];
  readonly #included: Included;
  readonly #spaces = new Set<string>();
  readonly #subnetIndex = new SubnetIndex<Subnet>();

  constructor(text: string, included: Included, problems: Problems) {
    this.problems = problems;
    this.#included = included;
    this.#readBlock(parseStatements(text, problems), this.file, {});
    for (const pool of this.#sharedPools) this.#placePool(pool);
  }

  /** A pool beside the subnets of a shared network is of those that its ranges are in. */
  #placePool(pool: Scope): void {
    const found = Map.groupBy(pool.ranges, ({ value }) => {
      const first = value.slice(0, value.indexOf("-")) as Ipv4Address;
      return this.subnetOf(first);
    });
    for (const [subnet, ranges] of found) {
      if (subnet !== undefined) subnet.pools.push({ ...pool, parent: subnet.scope, ranges });
      else
        for (const { origin } of ranges)
          this.problems.tell(origin, "the range is of no subnet that the file declares", "declare its subnet");
    }
  }

  /** The declared subnet that the address is in. */
  subnetOf(address: Ipv4Address): Subnet | undefined {
    return this.#subnetIndex.find(address);
  }

  #readBlock(statements: readonly Statement[], scope: Scope, place: Place): void {
    let conditional: { branches: Conditional["branches"][number][]; otherwise?: Scope } | undefined;
    for (const statement of statements) {
      const words = keywords(statement);
      const [first = ""] = words;
      if (first === "if" || (conditional !== undefined && ["elsif", "else"].includes(first))) {
        if (first === "if") {
          conditional = { branches: [] };
          scope.conditionals.push(conditional);
        }
        const isElse = first === "else" && words[1] !== "if";
        const branch = openScope("branch", scope, statement.origin);
        this.#readBlock(statement.block ?? [], branch, {});
        const condition = statement.tokens.slice(words[0] === "else" ? 2 : 1);
        if (isElse) conditional!.otherwise = branch;
        else conditional!.branches.push({ statement, condition, scope: branch });
        continue;
      }
      conditional = undefined;
      try {
        if (!this.#readStatement(statement, words, scope, place)) this.#tellUntaken(statement, words);
      } catch (error) {
        if (!(error instanceof NetloomError)) throw error;
        this.problems.tell(statement.origin, error.message, error.hint ?? "put the value right");
      }
    }
  }

  #tellUntaken({ origin, block }: Statement, words: readonly string[]): void {
    if (WITHOUT_EFFECT.has(words.join(" "))) return;
    const isPermission = ["allow", "deny", "ignore"].includes(words[0] ?? "");
    const permission = words.slice(1).join(" ").replaceAll("-", " ");
    const advice = isPermission ? PERMISSIONS.get(permission) : UNTAKEN.get(words[0] ?? "");
    const [reason, remedy] = advice ?? [
      block === undefined ? "this is no statement that netloom knows here" : "this is no block that netloom knows here",
      "see whether it is spelled right, and write what it is for by hand",
    ];
    this.problems.tell(origin, reason, remedy);
  }

  /** False: it is not known here. @throws NetloomError when it is wrong */
  #readStatement(statement: Statement, words: readonly string[], scope: Scope, place: Place): boolean {
    const { subnet, host, class: inClass } = place;
    const { tokens, origin, block } = statement;
    const value = tokens[1]?.text ?? "";
    const located = <T>(what: T): Located<T> => ({ value: what, origin });
    switch (words[0]) {
      case "include":
        if (value === "") return false;
        this.#included.follow(value, origin, ({ text, name }) => {
          this.#readBlock(parseStatements(text, this.problems, name), scope, place);
        });
        return true;
      case "option":
        this.#readOption(statement, scope, host);
        return true;
      case "default-lease-time":
        scope.settings.leaseDefault = located(readSeconds(value));
        return true;
      case "min-lease-time":
        scope.settings.leaseMinimum = located(readSeconds(value));
        return true;
      case "max-lease-time":
        scope.settings.leaseMaximum = located(readSeconds(value));
        return true;
      case "next-server":
        scope.settings.nextServer = located(value);
        return true;
      case "server-name":
        scope.settings.serverName = located(value);
        return true;
      case "filename":
        if (tokens.length !== 2) return false;
        if (value !== "") scope.settings.bootFile = located(value);
        return true;
      case "server-identifier":
        scope.serverIdentifier = located(value);
        return true;
      case "vendor-option-space":
        scope.vendorSpace = located(value.toLowerCase());
        return true;
      case "authoritative":
        scope.authoritative = true;
        return true;
      case "not":
        scope.authoritative = false;
        return words[1] === "authoritative";
      case "allow":
      case "deny":
      case "ignore":
        return readPermission(scope, words, origin);
      case "use-host-decl-names":
        scope.tellsNames = words[1] === "on" || words[1] === "true";
        return true;
      case "group":
        this.#readBlock(block ?? [], openScope("group", scope, origin), subnet === undefined ? {} : { subnet });
        return block !== undefined;
      case "shared-network":
        this.#readBlock(block ?? [], openScope("shared-network", scope, { ...origin, text: value }), {});
        return block !== undefined;
      case "subnet":
        return this.#readSubnet(statement, scope);
      case "pool": {
        const isShared = around(scope).some(({ kind }) => kind === "shared-network");
        if (block === undefined || (subnet === undefined && !isShared)) return false;
        const pool = openScope("pool", scope, origin);
        (subnet?.pools ?? this.#sharedPools).push(pool);
        this.#readBlock(block, pool, subnet === undefined ? {} : { subnet });
        return true;
      }
      case "range": {
        if (subnet === undefined && scope.kind !== "pool") return false;
        const [low = "", high = low] = words.slice(1).filter((word) => word !== "dynamic-bootp");
        scope.ranges.push(located(formatRange(parseIpv4(low), parseIpv4(high))));
        return true;
      }
      case "host": {
        if (block === undefined) return false;
        const declared: Host = { scope: openScope("host", scope, origin), name: value, addresses: [] };
        this.hosts.push(declared);
        this.#readBlock(block, declared.scope, { host: declared });
        return true;
      }
      case "hardware":
      case "fixed-address":
      case "host-identifier":
      case "dynamic":
        return host !== undefined && this.#readHost(statement, words, host);
      case "class":
        return this.#readClass(statement, scope);
      case "subclass":
        return this.#readSubclass(statement, scope);
      case "match": {
        if (inClass === undefined) return false;
        if (words[1] === "if") inClass.condition = located(tokens.slice(2));
        else {
          const subject = parseSubject(tokens.slice(1), (name) => this.definitions.codeOf(name));
          if (subject === undefined) return this.#tellMatch(statement);
          inClass.subject = subject;
        }
        return true;
      }
      default:
        return false;
    }
  }

  #tellMatch({ origin }: Statement): true {
    this.problems.tell(
      origin,
      "clients are not told apart by this",
      "make a class for each kind of client, by vendor, user, architecture or mac",
    );
    return true;
  }

  #readOption({ tokens, origin }: Statement, scope: Scope, host: Host | undefined): void {
    const [, name, word] = tokens.map(({ text }) => text.toLowerCase());
    if (name === "space") return;
    if (word === "code") {
      this.definitions.define(tokens.slice(1));
      return;
    }
    const { space, code, bytes } = this.definitions.encode(tokens.slice(1));
    const located = { value: bytes, origin };
    if (space !== "dhcp") {
      this.#spaces.add(space);
      if (this.#spaces.size > MOST_SPACES)
        throw badOption(`a file has at most ${MOST_SPACES} option spaces`, "part it");
      const options = scope.spaces.get(space) ?? new Map<number, Located<Uint8Array>>();
      scope.spaces.set(space, options.set(code, located));
    } else if (host !== undefined && code === CLIENT_IDENTIFIER)
      host.clientId = { value: formatIdentifier(bytes), origin };
    else scope.settings.options.set(code, located);
  }

  #readSubnet({ tokens, origin, block }: Statement, scope: Scope): boolean {
    const [, address, netmask, mask] = tokens.map(({ text }) => text);
    if (block === undefined || address === undefined || netmask !== "netmask" || mask === undefined) return false;
    const prefix = prefixOf(parseIpv4(address), parseIpv4(mask));
    if (this.subnets.length >= MOST_NETWORKS) {
      this.problems.tell(origin, `a file has at most ${MOST_NETWORKS} networks`, "part it");
      return true;
    }
    const inner = openScope("subnet", scope, origin);
    const subnet: Subnet = { scope: inner, prefix, sharedNetwork: sharedNetworkOf(scope), pools: [] };
    if (!this.#subnetIndex.add(prefix, subnet)) {
      this.problems.tell(origin, "the subnet is declared already", "declare it once");
      return true;
    }
    this.subnets.push(subnet);
    this.#readBlock(block, subnet.scope, { subnet });
    return true;
  }

  #readHost({ tokens, origin }: Statement, words: readonly string[], host: Host): boolean {
    const [first, second = "", third = ""] = words;
    if (first === "hardware" && second === "ethernet") {
      host.hardware = {
        value: parseMac(
          third
            .split(":")
            .map((byte) => byte.padStart(2, "0"))
            .join(":"),
        ),
        origin,
      };
      return true;
    }
    if (first === "host-identifier" && second === "option" && third === "agent.circuit-id" && tokens[3] !== undefined) {
      host.circuitId = { value: formatIdentifier(encodeBytes(tokens[3])), origin };
      return true;
    }
    if (first !== "fixed-address") return false;
    for (const { kind, text } of tokens.slice(1)) {
      if (kind === "punctuation") continue;
      if (!/^[\d.]+$/.test(text)) {
        this.problems.tell(origin, `${text} is a name, and names are not looked up`, "write the host's address");
        continue;
      }
      host.addresses.push({ value: parseIpv4(text), origin });
    }
    return true;
  }

  #readClass({ tokens, origin, block }: Statement, scope: Scope): boolean {
    const name = tokens[1]?.text;
    if (name === undefined || block === undefined) return false;
    const declared = { scope: openScope("class", scope, origin), name, subclasses: [] };
    this.classes.set(name, declared);
    this.#readBlock(block, declared.scope, { class: declared });
    return true;
  }

  #readSubclass({ tokens, origin, block }: Statement, scope: Scope): boolean {
    const parent = this.classes.get(tokens[1]?.text ?? "");
    const value = tokens[2];
    if (parent === undefined || value === undefined) return false;
    const inner = openScope("class", scope, origin);
    parent.subclasses.push({ scope: inner, value });
    this.#readBlock(block ?? [], inner, {});
    return true;
  }
}

function readPermission(scope: Scope, words: readonly string[], origin: Located<unknown>["origin"]): boolean {
  const permission = words[0] === "allow" ? "allow" : "deny";
  const what = words.slice(1).join(" ").replaceAll("-", " ");
  if (what === "unknown clients") scope.unknownClients = { value: permission, origin };
  else if (what === "known clients" && permission === "allow" && scope.kind === "pool")
    scope.unknownClients = { value: "deny", origin };
  else if (what === "booting") scope.booting = { value: permission, origin };
  else if (words[1] === "members" && words[2] === "of" && words[3] !== undefined && scope.kind === "pool") {
    const name = { value: words[3], origin };
    (permission === "allow" ? scope.members.allowed : scope.members.denied).push(name);
  } else return false;
  return true;
}

/** @throws NetloomError bad-option */
function prefixOf(address: Ipv4Address, mask: Ipv4Address): Ipv4Prefix {
  const length = 32 - Math.log2(2 ** 32 - ipv4ToNumber(mask));
  if (!Number.isInteger(length)) throw badOption(`${mask} is no netmask`, "write one such as 255.255.255.0");
  return networkOf({ address, length });
}

/** @throws NetloomError bad-option */
function readSeconds(text: string): number {
  const seconds = text === "infinite" || text === "-1" ? FOREVER_SECONDS : Number(text);
  if (/^(\d{1,10}|infinite|-1)$/.test(text) && seconds >= 1 && seconds <= FOREVER_SECONDS) return seconds;
  throw new NetloomError("bad-option", `${JSON.stringify(text)} is no time in seconds`, {
    hint: "put the number right",
  });
}

/** Text where it is nothing but letters, digits and marks, else bytes with colons. */
export function formatIdentifier(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const isText = /^[ -~]+$/.test(text) && !/^[0-9a-f]{2}(:[0-9a-f]{2})+$/i.test(text);
  if (isText) return text;
  return toHex(bytes).replaceAll(/(..)(?=.)/g, "$1:");
}
