/** What a binding must know of a pod beyond what the kernel shows of its network. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { ResolverConfiguration } from "../base/resolv-conf.ts";
import { readResolvConf } from "./resolv-conf.ts";

interface PodContext {
  readonly dns: ResolverConfiguration;
  readonly hostName: string;
}

/**
 * Name servers, search domains and host name of a pod. The name is the one in /etc/netns/NAME/hostname, else that of
 * the process whose namespace was given by a /proc path, else the namespace's own (`ip netns` gives no host name),
 * else the host's.
 * @param resolvConf a file to read in place of /etc/netns/NAME/resolv.conf or the host's
 * @throws NetloomError no-resolv-conf
 */
export function discoverPodContext(namespace: string, resolvConf?: string): PodContext {
  return { dns: readResolvConf(namespace, resolvConf), hostName: hostNameOf(namespace) };
}

function hostNameOf(namespace: string): string {
  if (namespace === "") return hostname();
  if (!namespace.includes("/")) return firstLine(`/etc/netns/${namespace}/hostname`) ?? namespace;
  const process = /^\/proc\/(\d+|self|thread-self)\//.exec(namespace);
  // Where the process lives in another UTS namespace its own name is in /proc/PID/root/etc/hostname, as runtimes write it.
  return (process === null ? undefined : firstLine(`/proc/${process[1]}/root/etc/hostname`)) ?? hostname();
}

function firstLine(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Missing, or not ours to read: the name is found elsewhere.
    return undefined;
  }
  const line = text.split("\n")[0]?.trim();
  return line === undefined || line === "" ? undefined : line;
}
