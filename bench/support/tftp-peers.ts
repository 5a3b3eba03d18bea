/** The TFTP servers that are compared, each on an address of its own, port 69. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { IpAddress } from "../../src/base/address.ts";

export interface TftpPeer {
  readonly name: string;
  readonly knowsWindows: boolean;
  /** Of one that has a process for each transfer, which outlives it, the CPU time cannot be told. */
  readonly isOneProcess: boolean;
  /** The command that serves the folder in the foreground. */
  command(folder: string, address: IpAddress): readonly string[];
}

/** atftpd and tftpd-hpa cannot both be installed: one of them may be unpacked elsewhere (`dpkg-deb -x`). */
function programOf(environment: string, path: string): string {
  return process.env[environment] ?? path;
}

export const NETLOOM = "netloom";

export const TFTP_PEERS: readonly TftpPeer[] = [
  {
    name: NETLOOM,
    knowsWindows: true,
    isOneProcess: true,
    command: (folder, address) => [resolve("bin/netloom"), "tftp", "serve", folder, "--listen", address],
  },
  {
    name: "tftpd-hpa",
    knowsWindows: false,
    isOneProcess: false,
    command: (folder, address) => {
      const program = programOf("TFTPD_HPA", "/usr/sbin/in.tftpd");
      return [program, "--foreground", "--address", `${address}:69`, "--user", "root", "--secure", folder];
    },
  },
  {
    name: "dnsmasq",
    knowsWindows: false,
    isOneProcess: true,
    command: (folder, address) => [
      "dnsmasq",
      "--conf-file=/dev/null",
      "--no-daemon",
      "--user=root",
      "--group=root",
      "--port=0",
      "--bind-interfaces",
      `--listen-address=${address}`,
      "--enable-tftp",
      `--tftp-root=${folder}`,
      "--tftp-max=100",
      "--quiet-tftp",
    ],
  },
  {
    name: "atftpd",
    knowsWindows: true,
    isOneProcess: true,
    command: (folder, address) => {
      const program = programOf("ATFTPD", "/usr/sbin/atftpd");
      const logged = ["--logfile", "/dev/stdout", "--verbose=3"];
      return [program, "--daemon", "--no-fork", "--user", "root.root", "--bind-address", address, ...logged, folder];
    },
  },
];

/** A program that is not there is told before anything is measured. */
export function isThere(peer: TftpPeer): boolean {
  const [program = ""] = peer.command("/", "127.0.0.1" as IpAddress);
  return !program.startsWith("/") || existsSync(program);
}
