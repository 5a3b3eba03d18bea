/** Who is asked for which names. */
import type { DnsServerConfig, DnsUpstream } from "../config.ts";
import { canonicalName, selfAndAncestors } from "./names.ts";

export interface Route {
  /** In lower case; the root for what no domain is told for. */
  readonly domain: string;
  readonly upstreams: readonly DnsUpstream[];
  /** Whether the name is resolved from the root when the upstreams fail; names of a told domain never are. */
  readonly mayIterate: boolean;
}

/** What is answered here. */
const NOWHERE: Route = { domain: "", upstreams: [], mayIterate: false };

export class Routes {
  /** Names, in lower case, that nobody is asked about. */
  readonly #isLocal: (name: string) => boolean;
  readonly #default: Route;
  readonly #domains: ReadonlyMap<string, Route>;

  constructor(
    { mode, upstreams, domains }: Pick<DnsServerConfig, "mode" | "upstreams" | "domains">,
    isLocal: (name: string) => boolean,
  ) {
    this.#isLocal = isLocal;
    this.#default = {
      domain: "",
      upstreams: mode === "recursive" ? [] : upstreams,
      mayIterate: mode !== "forward-only",
    };
    this.#domains = new Map(
      domains.map(({ domain, upstreams: own }) => {
        const name = canonicalName(domain);
        return [name, { domain: name, upstreams: own, mayIterate: false }];
      }),
    );
  }

  /** @param name in lower case */
  of(name: string): Route {
    if (this.#isLocal(name)) return NOWHERE;
    if (this.#domains.size === 0) return this.#default;
    for (const domain of selfAndAncestors(name)) {
      const route = this.#domains.get(domain);
      if (route !== undefined) return route;
    }
    return this.#default;
  }

  *upstreams(): Generator<DnsUpstream> {
    yield* this.#default.upstreams;
    for (const { upstreams } of this.#domains.values()) yield* upstreams;
  }
}
