/**
 * The folder as a read-only share for Windows PE: Samba in the foreground with a configuration of ours, guests only, on one
 * address. Everything that it keeps lies in memory, in a file system that only Samba's own mount namespace has. So all of
 * it ends with us, also when we are killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ipv4Address, ipToBytes } from "../../base/address.ts";
import { hasCode, NetloomError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { findTool, missingCapabilities } from "../../kernel/features.ts";
import { closeDescriptor, openNamespace } from "../../kernel/native.ts";
import { steadySeconds } from "../clock.ts";
import { openBound } from "../listen.ts";

const SMB_PORT = 445;
const START_SECONDS = 10;
const END_MILLISECONDS = 3000;
const POLL_MILLISECONDS = 30;
const SAID_CHARACTERS = 8000;
/** State of a listening socket in /proc/net/tcp. */
const LISTENING = "0A";
/** Of Samba's package; our file system hides what is in it from our Samba alone. The first one that is there. */
const PLACES = ["/var/lib/samba", "/run/samba", "/var/cache/samba"];
/** With only one of them it starts, and ends with the first client. */
const NEEDED_CAPABILITIES = [
  { bit: 6n, name: "CAP_SETGID", purpose: "to leave the groups of root" },
  { bit: 7n, name: "CAP_SETUID", purpose: "to take on the user of its clients" },
] as const;
/** Arguments: the place, the configuration, and what is started. */
const SCRIPT = `set -e
mount -t tmpfs -o mode=0755,nosuid,nodev,size=64m netloom-share "$1"
cd "$1"
mkdir private lock state cache pid ncalrpc
printf %s "$2" >smb.conf
shift 2
exec "$@"`;

export interface ShareOptions {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  readonly address: Ipv4Address;
  /** Absolute. */
  readonly root: string;
  /** By which clients open it: \\ADDRESS\NAME. */
  readonly name: string;
  readonly logger: Logger;
}

export class SambaShare implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #address: Ipv4Address;
  #said = "";
  #isReady = false;
  #isClosing = false;

  private constructor({ logger, address }: ShareOptions, child: ChildProcess) {
    this.#process = child;
    this.#address = address;
    const hear = (chunk: Buffer): void => {
      this.#said = (this.#said + chunk.toString("utf8")).slice(-SAID_CHARACTERS);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.on("error", (error) => hear(Buffer.from(error.message)));
    child.on("exit", () => {
      if (this.#isReady && !this.#isClosing)
        logger.error("Samba has ended, the share is gone", { address, said: this.#lastWords() });
    });
  }

  /** @throws NetloomError tool-missing, no-privilege, bad-folder, address-in-use, share-failed with what Samba says */
  static async open(options: ShareOptions): Promise<SambaShare> {
    const smbd = findTool("smbd");
    if (smbd === undefined)
      throw new NetloomError("tool-missing", "share the folder: smbd is not installed", {
        hint: "apt-get install samba",
      });
    requireSambaPrivilege();
    const place = placeFor(options.root);
    failIfTaken(options);
    const enter = options.namespacePath === undefined ? [] : ["nsenter", `--net=${options.namespacePath}`, "--"];
    // What is mounted below the folder later is to be seen, too.
    const apart = ["unshare", "--mount", "--propagation=slave", "--", "sh", "-c", SCRIPT, "sh"];
    const words = [smbd, "--foreground", "--debug-stdout", `--configfile=${join(place, "smb.conf")}`];
    const child = spawn(
      "setpriv",
      ["--pdeathsig", "TERM", "--", ...enter, ...apart, place, sambaConfiguration(options, place), ...words],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const share = new SambaShare(options, child);
    try {
      await share.#untilReady();
      return share;
    } catch (error) {
      await share.close();
      throw error;
    }
  }

  async #untilReady(): Promise<void> {
    const { pid } = this.#process;
    for (const end = steadySeconds() + START_SECONDS; steadySeconds() < end; await sleep(POLL_MILLISECONDS)) {
      if (pid === undefined || this.#hasEnded()) break;
      if (!listensOn(pid, this.#address, SMB_PORT)) continue;
      this.#isReady = true;
      return;
    }
    const reason = this.#hasEnded() ? `Samba has ended: ${this.#lastWords()}` : "Samba does not come up";
    throw new NetloomError("share-failed", `share the folder: ${reason}`, {
      hint: "It takes root, and a kernel that mounts tmpfs; /usr/sbin/smbd --foreground --debug-stdout may tell more.",
    });
  }

  #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** The first line that tells of trouble: a trace of the stack may follow. */
  #lastWords(): string {
    const lines = this.#said.split("\n").filter((line) => line.trim() !== "");
    return (lines.find((line) => /error|fail|panic|denied|cannot|unable/i.test(line)) ?? lines.at(-1) ?? "").trim();
  }

  /** Also its connections end. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#process.pid !== undefined && !this.#hasEnded()) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGTERM");
      const timer = setTimeout(() => this.#process.kill("SIGKILL"), END_MILLISECONDS);
      await ended;
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** @throws NetloomError no-privilege */
function requireSambaPrivilege(): void {
  const missing = missingCapabilities(NEEDED_CAPABILITIES);
  if (missing.length === 0) return;
  const list = missing.map(({ name, purpose }) => `${name} (${purpose})`).join(", ");
  const all = NEEDED_CAPABILITIES.map(({ name }) => name).join(" ");
  throw new NetloomError("no-privilege", `share the folder: Samba would lack ${list}`, {
    hint:
      "Under netloom.service: systemctl edit netloom, put these two lines in, and systemctl restart netloom\n" +
      `[Service]\nCapabilityBoundingSet=${all}`,
  });
}

/**
 * Another file server's port would pass for ours when we look whether Samba listens.
 * @throws NetloomError address-in-use, no-such-address, no-privilege
 */
function failIfTaken({ namespacePath, address }: ShareOptions): void {
  const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
  try {
    closeDescriptor(openBound({ namespace, listen: { address, port: SMB_PORT } }, "tcp"));
  } finally {
    if (namespace !== undefined) closeDescriptor(namespace);
  }
}

/** @throws NetloomError share-failed */
function placeFor(root: string): string {
  const place = PLACES.find((path) => existsSync(path) && !`${root}${sep}`.startsWith(`${path}${sep}`));
  if (place !== undefined) return place;
  throw new NetloomError("share-failed", `share ${root}: none of ${PLACES.join(", ")} is free for what Samba keeps`, {
    hint: "mkdir /run/samba",
  });
}

/** Whether somebody in the network namespace of the process does, on that very address. */
function listensOn(pid: number, address: Ipv4Address, port: number): boolean {
  let table: string;
  try {
    table = readFileSync(`/proc/${pid}/net/tcp`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EINVAL")) return false;
    throw error;
  }
  // The address is a number in the machine's byte order there.
  const [word = 0] = new Uint32Array(ipToBytes(address).slice().buffer);
  const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0");
  const wanted = `${hex(word, 8)}:${hex(port, 4)}`;
  return table.split("\n").some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return local === wanted && state === LISTENING;
  });
}

/** @throws NetloomError bad-folder when a name has no place in such a file */
function sambaConfiguration({ address, root, name }: ShareOptions, folder: string): string {
  // "%" would be replaced, of spaces one is left, at the end none, and nothing quotes the end of a line.
  if (/[%\n\r"\\]|\s\s|\s$/.test(root))
    throw new NetloomError(
      "bad-folder",
      `share ${root}: Samba takes no %, ", \\ or line end in a folder's name, nor two spaces or one at its end`,
    );
  const settings = {
    "server role": "standalone server",
    "netbios name": "NETLOOM",
    "disable netbios": "yes",
    "server min protocol": "SMB2_02",
    interfaces: `${address}/32`,
    "bind interfaces only": "yes",
    "smb ports": SMB_PORT,
    "map to guest": "Bad User",
    "guest account": "nobody",
    "private dir": join(folder, "private"),
    "lock directory": join(folder, "lock"),
    "state directory": join(folder, "state"),
    "cache directory": join(folder, "cache"),
    "pid directory": join(folder, "pid"),
    "ncalrpc dir": join(folder, "ncalrpc"),
    "passdb backend": `tdbsam:${join(folder, "private", "passdb.tdb")}`,
    "log file": join(folder, "log"),
    "log level": 1,
    "load printers": "no",
    printing: "bsd",
    "printcap name": "/dev/null",
    "disable spoolss": "yes",
  };
  const share = {
    path: root,
    "read only": "yes",
    "guest ok": "yes",
    "guest only": "yes",
    "wide links": "no",
  };
  const section = (title: string, values: Readonly<Record<string, string | number>>): string[] => [
    `[${title}]`,
    ...Object.entries(values).map(([key, value]) => `  ${key} = ${value}`),
  ];
  return [...section("global", settings), ...section(name, share), ""].join("\n");
}

/** Guests come as "nobody". @returns what keeps them out, undefined: nothing */
export function unreachableFor(root: string): string | undefined {
  for (let path = root; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return path;
    if (dirname(path) === path) return undefined;
  }
}
