/** The DHCP servers that are measured: how each is told the same, and how it is given leases of an earlier run. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Ipv4Address, ipv4FromNumber, macFromBytes } from "../../src/base/address.ts";
import { leaseFileOf } from "../../src/apps/cli/lease-files.ts";
import type { Lease } from "../../src/protocol/dhcp4/server/lease.ts";
import { DHCP4_LEASES } from "../../src/store/lease-log/dhcp4.ts";
import { encodeGroup } from "../../src/store/lease-log/format.ts";

export const SERVER_INTERFACE = "srv0";
const LEASE_SECONDS = 43_200;
/** Leases that netloom wrote at one time. */
const GROUP_LEASES = 64;

export interface Plan {
  /** An empty folder. */
  readonly folder: string;
  readonly subnet: { readonly network: Ipv4Address; readonly netmask: Ipv4Address; readonly length: number };
  readonly serverAddress: Ipv4Address;
  /** Addresses from `first` on, as a number; the leases of an earlier run are the first ones of them. */
  readonly first: number;
  readonly addresses: number;
  readonly held: number;
}

export interface Peer {
  readonly name: string;
  /** It slows down with its leases, or with its pool, so much that it is asked for few. */
  readonly isSlow: boolean;
  /** Write what it reads. @returns its command */
  prepare(plan: Plan): readonly string[];
}

interface Held {
  readonly address: Ipv4Address;
  readonly hardware: Uint8Array;
}

function heldLeases({ first, held }: Plan): Held[] {
  return Array.from({ length: held }, (_, i) => ({
    address: ipv4FromNumber(first + i),
    hardware: Uint8Array.of(6, 0, 0, i >>> 16, i >>> 8, i),
  }));
}

function macOf({ hardware }: Held): string {
  return macFromBytes(hardware);
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function rangeOf({ first, addresses }: Plan): readonly [Ipv4Address, Ipv4Address] {
  return [ipv4FromNumber(first), ipv4FromNumber(first + addresses - 1)];
}

/** AppArmor lets the packages' servers read their own folders only, and knows them by their paths. */
function copyOf(program: string, folder: string): string {
  const copy = join(folder, program);
  copyFileSync(join("/usr/sbin", program), copy);
  return copy;
}

function write(path: string, text: string | Buffer): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** @param program how netloom is started */
export function netloom(program: readonly string[]): Peer {
  return {
    name: "netloom",
    isSlow: false,
    prepare(plan) {
      const leases = heldLeases(plan).map(({ address, hardware }): Lease => {
        const bytes = String.fromCharCode(1, ...hardware);
        const times = { startSeconds: now(), endSeconds: now() + LEASE_SECONDS };
        return { address, state: "leased", client: `\0${bytes}`, hardware: bytes, hostName: "", ...times };
      });
      const groups = Array.from({ length: Math.ceil(leases.length / GROUP_LEASES) }, (_, i) =>
        encodeGroup(DHCP4_LEASES, leases.slice(i * GROUP_LEASES, (i + 1) * GROUP_LEASES)),
      );
      const state = join(plan.folder, "state");
      write(leaseFileOf(state, "dhcp", SERVER_INTERFACE), Buffer.concat([DHCP4_LEASES.header, ...groups]));
      const range = rangeOf(plan).join("-");
      const serve = ["dhcp", "serve", "--interface", SERVER_INTERFACE, "--range", range, "--state", state];
      const told = ["--router", plan.serverAddress, "--dns", "192.0.2.53", "--option", "domain-name=example.org"];
      return [...program, ...serve, ...told];
    },
  };
}

export const KEA: Peer = {
  name: "Kea",
  isSlow: false,
  prepare(plan) {
    const ends = now() + LEASE_SECONDS;
    const lines = heldLeases(plan).map(
      (lease) => `${lease.address},${macOf(lease)},,${LEASE_SECONDS},${ends},1,0,0,,0,`,
    );
    const columns =
      "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context";
    const leases = write(join(plan.folder, "kea.leases"), `${[columns, ...lines].join("\n")}\n`);
    const options = { routers: plan.serverAddress, "domain-name-servers": "192.0.2.53", "domain-name": "example.org" };
    const { subnet } = plan;
    const configuration = write(
      join(plan.folder, "kea.conf"),
      JSON.stringify({
        Dhcp4: {
          "interfaces-config": { interfaces: [SERVER_INTERFACE], "dhcp-socket-type": "raw" },
          "lease-database": { type: "memfile", name: leases, "lfc-interval": 0 },
          authoritative: true,
          "valid-lifetime": LEASE_SECONDS,
          subnet4: [
            { id: 1, subnet: `${subnet.network}/${subnet.length}`, pools: [{ pool: rangeOf(plan).join(" - ") }] },
          ],
          "option-data": Object.entries(options).map(([name, data]) => ({ name, data })),
          loggers: [{ name: "kea-dhcp4", severity: "WARN", output_options: [{ output: "stderr" }] }],
        },
      }),
    );
    const folders = [`KEA_PIDFILE_DIR=${plan.folder}`, `KEA_LOCKFILE_DIR=${plan.folder}`];
    return ["env", ...folders, copyOf("kea-dhcp4", plan.folder), "-c", configuration];
  },
};

export const DHCPD: Peer = {
  name: "ISC dhcpd",
  isSlow: true,
  prepare(plan) {
    const { subnet } = plan;
    const configuration = write(
      join(plan.folder, "dhcpd.conf"),
      `authoritative; ping-check off; default-lease-time ${LEASE_SECONDS}; max-lease-time ${LEASE_SECONDS};
subnet ${subnet.network} netmask ${subnet.netmask} {
  range ${rangeOf(plan).join(" ")};
  option routers ${plan.serverAddress}; option domain-name-servers 192.0.2.53; option domain-name "example.org";
}
`,
    );
    const times = `starts epoch ${now()}; ends epoch ${now() + LEASE_SECONDS}; cltt epoch ${now()};`;
    const held = heldLeases(plan).map(
      (lease) =>
        `lease ${lease.address} {\n  ${times}\n  binding state active;\n  hardware ethernet ${macOf(lease)};\n}\n`,
    );
    const leases = write(join(plan.folder, "dhcpd.leases"), held.join(""));
    const files = ["-cf", configuration, "-lf", leases, "--no-pid"];
    return [copyOf("dhcpd", plan.folder), "-4", "-d", ...files, SERVER_INTERFACE];
  },
};

export const DNSMASQ: Peer = {
  name: "dnsmasq",
  isSlow: true,
  prepare(plan) {
    const held = heldLeases(plan).map((lease) => `${now() + LEASE_SECONDS} ${macOf(lease)} ${lease.address} * *\n`);
    const leases = write(join(plan.folder, "dnsmasq.leases"), held.join(""));
    return [
      "dnsmasq",
      "--conf-file=/dev/null",
      "--no-daemon",
      "--user=root",
      "--group=root",
      "--port=0",
      `--interface=${SERVER_INTERFACE}`,
      "--no-ping",
      "--quiet-dhcp",
      "--dhcp-authoritative",
      `--dhcp-leasefile=${leases}`,
      `--dhcp-lease-max=${plan.addresses}`,
      `--dhcp-range=${rangeOf(plan).join(",")},${plan.subnet.netmask},${LEASE_SECONDS}`,
      "--dhcp-option=option:dns-server,192.0.2.53",
      "--domain=example.org",
    ];
  },
};
