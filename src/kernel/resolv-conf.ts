/** Which resolver configuration a pod has. */
import { existsSync, readFileSync } from "node:fs";
import { NetloomError, reasonOf } from "../base/errors.ts";
import { type ResolverConfiguration, parseResolvConf } from "../base/resolv-conf.ts";

const HOST_FILE = "/etc/resolv.conf";
/** The servers behind systemd-resolved's own address 127.0.0.53; the kubelet reads it for the same reason. */
const BEHIND_RESOLVED = "/run/systemd/resolve/resolv.conf";

/**
 * The given file, else /etc/netns/NAME/resolv.conf, else the host's. Servers on the loopback are left out, since no
 * guest can reach those; where the host's file has none but these, the ones that systemd-resolved asks are taken.
 * @param namespace as in the vocabulary: "", a name or a path
 * @throws NetloomError no-resolv-conf when the given file cannot be read
 */
export function readResolvConf(namespace: string, given?: string): ResolverConfiguration {
  if (given !== undefined) {
    try {
      return reachable(parseResolvConf(readFileSync(given, "utf8")));
    } catch (cause) {
      throw new NetloomError("no-resolv-conf", `read ${given}: ${reasonOf(cause)}`, {
        cause,
        hint: "--resolv-conf wants the path of a file like /etc/resolv.conf.",
      });
    }
  }
  const own = `/etc/netns/${namespace}/resolv.conf`;
  if (namespace !== "" && !namespace.includes("/") && existsSync(own)) return reachable(read(own));
  const host = read(HOST_FILE);
  const configuration = reachable(host);
  if (host.servers.length === 0 || configuration.servers.length > 0 || !existsSync(BEHIND_RESOLVED))
    return configuration;
  return { ...configuration, servers: reachable(read(BEHIND_RESOLVED)).servers };
}

/** A host without the file has no configuration. */
function read(path: string): ResolverConfiguration {
  return parseResolvConf(existsSync(path) ? readFileSync(path, "utf8") : "");
}

function reachable(configuration: ResolverConfiguration): ResolverConfiguration {
  return {
    ...configuration,
    servers: configuration.servers.filter((server) => !server.startsWith("127.") && server !== "::1"),
  };
}
