/** The scopes of a dhcpd.conf and what stands in each; what an inner one says counts before what is around it. */
import type { Ipv4Address, Ipv4Prefix } from "../../base/address.ts";
import { type Located, mergeSettings, type Settings } from "../draft.ts";
import type { Origin, Problems } from "../problem.ts";
import type { Token } from "./lexer.ts";
import { encapsulate } from "./option-definitions.ts";
import type { Statement } from "./statements.ts";

const VENDOR_OPTIONS = 43;

/** `if … { } elsif … { } else { }` */
export interface Conditional {
  readonly branches: readonly {
    readonly statement: Statement;
    readonly condition: readonly Token[];
    readonly scope: Scope;
  }[];
  /** Of `else`. */
  readonly otherwise?: Scope;
}

export interface Scope {
  readonly kind: "file" | "group" | "shared-network" | "subnet" | "pool" | "class" | "host" | "branch";
  readonly parent: Scope | undefined;
  readonly origin: Origin;
  settings: Settings;
  /** Options of spaces that the file defines, by space and number. */
  readonly spaces: Map<string, Map<number, Located<Uint8Array>>>;
  vendorSpace?: Located<string>;
  readonly conditionals: Conditional[];
  authoritative?: boolean;
  unknownClients?: Located<"allow" | "deny">;
  booting?: Located<"allow" | "deny">;
  serverIdentifier?: Located<string>;
  /** Hosts are told the names by which they are declared. */
  tellsNames?: boolean;
  readonly ranges: Located<string>[];
  readonly members: { readonly allowed: Located<string>[]; readonly denied: Located<string>[] };
}

export interface Subnet {
  readonly scope: Scope;
  readonly prefix: Ipv4Prefix;
  /** Name of the shared network around it. */
  readonly sharedNetwork: string | undefined;
  readonly pools: Scope[];
}

export interface Host {
  readonly scope: Scope;
  readonly name: string;
  hardware?: Located<string>;
  clientId?: Located<string>;
  circuitId?: Located<string>;
  readonly addresses: Located<Ipv4Address>[];
}

export function openScope(kind: Scope["kind"], parent: Scope | undefined, origin: Origin): Scope {
  return {
    kind,
    parent,
    origin,
    settings: { options: new Map() },
    spaces: new Map(),
    conditionals: [],
    ranges: [],
    members: { allowed: [], denied: [] },
  };
}

/** The scope, what is around it, and so on; those alone that `isPart` accepts, up to the first that it does not. */
export function around(scope: Scope, isPart: (scope: Scope) => boolean = () => true): Scope[] {
  const scopes: Scope[] = [];
  for (let at: Scope | undefined = scope; at !== undefined && isPart(at); at = at.parent) scopes.push(at);
  return scopes;
}

/** The name of the shared network around a scope. */
export function sharedNetworkOf(scope: Scope): string | undefined {
  return around(scope).find(({ kind }) => kind === "shared-network")?.origin.text;
}

/** What holds in the innermost of these scopes, given from there outwards. */
export function settle(scopes: readonly Scope[], problems: Problems): Settings {
  let settings: Settings = { options: new Map() };
  const spaces = new Map<string, Map<number, Located<Uint8Array>>>();
  for (const scope of scopes.toReversed()) {
    settings = mergeSettings(settings, scope.settings);
    for (const [space, options] of scope.spaces) spaces.set(space, new Map([...(spaces.get(space) ?? []), ...options]));
  }
  const sent = scopes.find(({ vendorSpace }) => vendorSpace !== undefined)?.vendorSpace;
  for (const [space, options] of spaces) {
    const [first] = options.values();
    if (first === undefined) continue;
    if (space !== sent?.value) {
      problems.tell(
        first.origin,
        `no vendor-option-space ${space} says here that the options of this space are sent`,
        "write the bytes under options: as vendor-encapsulated-options (43) or by another number",
      );
      continue;
    }
    const bytes = encapsulate(new Map(Array.from(options, ([code, { value }]) => [code, value])));
    settings.options.set(VENDOR_OPTIONS, { value: bytes, origin: first.origin });
  }
  return settings;
}

/** The nearest scope around that says something. */
export function inherited<T>(scope: Scope, read: (scope: Scope) => T | undefined): T | undefined {
  for (const at of around(scope)) {
    const found = read(at);
    if (found !== undefined) return found;
  }
  return undefined;
}
