/** DNS servers of others, and ours, each with the same task: a cache before one upstream, and names of its own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface DnsTask {
  readonly folder: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly localDomain: string;
  readonly localNames: number;
}

export interface DnsPeer {
  readonly name: string;
  /** Write what it reads. @returns how it is started in the foreground */
  prepare(task: DnsTask): readonly string[];
}

const TTL_SECONDS = 3600;

export const localName = (task: Pick<DnsTask, "localDomain">, index: number): string =>
  `host${index}.${task.localDomain}`;
const localAddress = (index: number): string => `198.51.${index >>> 8}.${index & 255}`;

function locals<Line>(task: DnsTask, line: (name: string, address: string) => Line): Line[] {
  return Array.from({ length: task.localNames }, (_, index) => line(localName(task, index), localAddress(index)));
}

function write(folder: string, name: string, lines: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** @param program how netloom is started */
export function netloom(program: readonly string[]): DnsPeer {
  return {
    name: "netloom",
    prepare(task) {
      const hosts = write(
        task.folder,
        "hosts",
        locals(task, (name, address) => `${address} ${name}`),
      );
      const places = ["--listen", `127.0.0.1#${task.port}`, "--forward", `127.0.0.1#${task.upstreamPort}`];
      return [...program, "dns", "serve", ...places, "--allow", "127.0.0.0/8,192.0.2.0/24", "--hosts", hosts];
    },
  };
}

const COMMON_DNSMASQ = `
  no-resolv
  no-hosts
  pid-file
  listen-address=127.0.0.1
  bind-interfaces
  local-ttl=${TTL_SECONDS}`;

export const UNBOUND: DnsPeer = {
  name: "unbound",
  prepare(task) {
    const path = write(task.folder, "unbound.conf", [
      `server:
        interface: 127.0.0.1@${task.port}
        access-control: 127.0.0.0/8 allow
        access-control: 192.0.2.0/24 allow
        num-threads: 1
        module-config: "iterator"
        do-not-query-localhost: no
        outgoing-range: 4096
        num-queries-per-thread: 2048
        so-rcvbuf: 4m
        msg-cache-size: 64m
        rrset-cache-size: 128m
        do-daemonize: no
        username: ""
        chroot: ""
        pidfile: ""
        directory: "${task.folder}"
        use-syslog: no
        logfile: "/dev/null"
        local-zone: "${task.localDomain}." static`,
      ...locals(task, (name, address) => `        local-data: "${name}. ${TTL_SECONDS} IN A ${address}"`),
      `forward-zone:
        name: "."
        forward-addr: 127.0.0.1@${task.upstreamPort}
      remote-control:
        control-enable: no`,
    ]);
    return ["unbound", "-d", "-c", path];
  },
};

export const DNSMASQ: DnsPeer = {
  name: "dnsmasq",
  prepare(task) {
    const hosts = write(
      task.folder,
      "hosts",
      locals(task, (name, address) => `${address} ${name}`),
    );
    const path = write(task.folder, "dnsmasq.conf", [
      COMMON_DNSMASQ,
      `port=${task.port}
      addn-hosts=${hosts}
      server=127.0.0.1#${task.upstreamPort}
      cache-size=150000
      dns-forward-max=2000`,
    ]);
    return ["dnsmasq", "--no-daemon", "-C", path];
  },
};

export const BIND: DnsPeer = {
  name: "bind",
  prepare(task) {
    const zone = write(task.folder, "zone", [
      `$TTL ${TTL_SECONDS}
@ SOA ns.${task.localDomain}. admin.${task.localDomain}. 1 3600 900 604800 300
@ NS ns.${task.localDomain}.
ns A 198.51.100.1`,
      ...locals(task, (name, address) => `${name}. A ${address}`),
    ]);
    const path = write(task.folder, "named.conf", [
      `options {
        directory "${task.folder}";
        listen-on port ${task.port} { 127.0.0.1; };
        listen-on-v6 { none; };
        allow-query { 127.0.0.0/8; 192.0.2.0/24; };
        recursion yes;
        dnssec-validation no;
        forward only;
        forwarders { 127.0.0.1 port ${task.upstreamPort}; };
        pid-file none;
        session-keyfile none;
      };
      controls { };
      logging { category default { null; }; };
      zone "${task.localDomain}" { type primary; file "${zone}"; };`,
    ]);
    return ["named", "-f", "-n", "1", "-c", path];
  },
};

/** Answers every name below a domain, more quickly than any of the others asks. */
export function upstream(task: Pick<DnsTask, "folder" | "upstreamPort">, domain: string): readonly string[] {
  const path = write(task.folder, "upstream.conf", [
    COMMON_DNSMASQ,
    `port=${task.upstreamPort}
    cache-size=0
    address=/${domain}/192.0.2.1`,
  ]);
  return ["dnsmasq", "--no-daemon", "-C", path];
}
