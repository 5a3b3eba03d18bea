/** The resolver's configuration file, resolv.conf(5). */
import { type IpAddress, parseIp } from "./address.ts";

export interface ResolverConfiguration {
  /** In the file's order. */
  readonly servers: readonly IpAddress[];
  /** Domains that a short name is tried in, in order, without the final dot. */
  readonly search: readonly string[];
  /** The local domain where the file names one by `domain`; it is then the only entry of `search`. */
  readonly domain?: string;
}

/**
 * Read a resolv.conf. As in the C library the last `domain` or `search` line counts; what is not understood is
 * skipped (options, a server that is no address or carries a zone). Never throws.
 */
export function parseResolvConf(text: string): ResolverConfiguration {
  const servers: IpAddress[] = [];
  let search: string[] = [];
  let domain: string | undefined;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/[ \t\r]+/);
    if (keyword === "nameserver") {
      const server = serverAddress(values[0]);
      if (server !== undefined && !servers.includes(server)) servers.push(server);
    } else if (keyword === "search") {
      search = values.map(withoutFinalDot).filter((name) => name !== "");
      domain = undefined;
    } else if (keyword === "domain") {
      const name = withoutFinalDot(values[0] ?? "");
      search = name === "" ? [] : [name];
      domain = search[0];
    }
  }
  return { servers, search, ...(domain === undefined ? {} : { domain }) };
}

function serverAddress(text: string | undefined): IpAddress | undefined {
  if (text === undefined || !/^[0-9a-fA-F.:]+$/.test(text)) return undefined;
  try {
    return parseIp(text);
  } catch {
    // Not an address: the C library skips such a line as well.
    return undefined;
  }
}

function withoutFinalDot(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
