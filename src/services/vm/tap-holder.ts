/**
 * Whether an interface is some guest's already, and whose. A tap with one queue is busy by itself; one with several
 * gives a further queue to whoever asks, and so does a macvtap: two guests would share the frames then.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { codeOf } from "../../base/errors.ts";
import type { MacvtapDevice } from "../../kernel/macvtap.ts";
import { RouteNetlink } from "../../kernel/netlink.ts";
import { findProcesses } from "../../kernel/process.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import { decodeLink, getLink } from "../../netlink/route/link.ts";

/** How many queues of a tap are open, whoever has them (IFLA_TUN_NUM_QUEUES). @throws NetlinkError when it is not there */
export async function countOpenQueues(namespace: string, name: string): Promise<number> {
  await using netlink = RouteNetlink.open(namespace === "" ? {} : { namespacePath: namespacePath(namespace) });
  const { tun } = await netlink.get(getLink({ name }), decodeLink);
  return tun?.queues ?? 0;
}

/** "VM web (process 4711)": who has the tap open; undefined: no QEMU that we may look into. */
export function findTapHolder(namespace: string, name: string): string | undefined {
  const wanted = namespaceIdentity(namespacePath(namespace));
  return findHolder(
    (pid, descriptor) =>
      // drivers/net/tun.c, tun_chr_show_fdinfo
      readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "utf8").split("\n").includes(`iff:\t${name}`) &&
      namespaceIdentity(`/proc/${pid}/ns/net`) === wanted,
  );
}

/** As {@link findTapHolder}, for a macvtap. */
export function findMacvtapHolder({ major, minor }: MacvtapDevice): string | undefined {
  return findHolder((pid, descriptor) => {
    const status = statSync(`/proc/${pid}/fd/${descriptor}`);
    return status.isCharacterDevice() && majorOf(status.rdev) === major && minorOf(status.rdev) === minor;
  });
}

function findHolder(holds: (pid: number, descriptor: string) => boolean): string | undefined {
  for (const { pid } of findProcesses((words) => /(?:^|\/)(?:qemu|kvm)[^/]*$/.test(words[0] ?? ""))) {
    if (passing(() => readdirSync(`/proc/${pid}/fd`).some((name) => passing(() => holds(pid, name)))))
      return describe(pid);
  }
  return undefined;
}

/** QEMU's own words: -name NAME, or -name guest=NAME,… */
function describe(pid: number): string {
  let words: string[] = [];
  passing(() => {
    words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return true;
  });
  const [first = ""] = (words[words.indexOf("-name") + 1] ?? "").split(",");
  return words.includes("-name") ? `VM ${first.replace(/^guest=/, "")} (process ${pid})` : `process ${pid}`;
}

/** False for what went meanwhile, or is not for us to see. */
function passing(look: () => boolean): boolean {
  try {
    return look();
  } catch (error) {
    if (codeOf(error) !== undefined) return false;
    throw error;
  }
}

function namespaceIdentity(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}

/** dev_t as the kernel shows it to programs (linux/kdev_t.h, new_encode_dev). */
const majorOf = (device: number): number => (device >>> 8) & 0xfff;
const minorOf = (device: number): number => (device & 0xff) | ((device >>> 12) & 0xfff00);
