/**
 * The character device of a macvtap, through which its guest's frames go.
 *
 * Devices are numbered for the whole machine, and /dev/tapN is named after an interface index, which each namespace
 * counts by itself: a node of that name may belong to the macvtap of another namespace. Only sysfs tells the number,
 * and it shows the network namespace of whoever mounted it: so a short-lived process enters the namespace and mounts
 * one where nobody else sees it. (The number is in no netlink message; a sysfs of ours would show our own namespace.)
 */
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { NetloomError, messageOf } from "../base/errors.ts";
import { run } from "./run.ts";
import { namespacePath } from "./transition/namespace-path.ts";

/** Prints "N MAJOR:MINOR" for the macvtap $1 with the interface index N. */
const FIND_DEVICE = `mount -t sysfs sysfs /sys && cd "/sys/class/net/$1" && echo "$(cat ifindex) $(cat tap*/dev)"`;

/** The device of a macvtap. */
export interface MacvtapDevice {
  readonly major: number;
  readonly minor: number;
  /** /dev/tapN, where that is this very device. */
  readonly path?: string;
}

/** @param namespace as in network objects: "" is our own. @throws NetloomError no-macvtap */
export async function findMacvtap(namespace: string, interfaceName: string): Promise<MacvtapDevice> {
  const words = ["--mount", "--propagation", "private", "--", "sh", "-c", FIND_DEVICE, "sh", interfaceName];
  let answer: string;
  try {
    answer = await run("unshare", words, namespace === "" ? {} : { namespacePath: namespacePath(namespace) });
  } catch (cause) {
    throw new NetloomError("no-macvtap", `look for the device of macvtap ${interfaceName}: ${messageOf(cause)}`, {
      cause,
      hint: "It takes the interface to be there, and CAP_SYS_ADMIN with a sysfs that may be mounted.",
    });
  }
  const [, index, major, minor] = /^(\d+) (\d+):(\d+)\n$/.exec(answer) ?? [];
  if (index === undefined)
    throw new NetloomError("no-macvtap", `look for the device of macvtap ${interfaceName}: sysfs shows "${answer}"`);
  const device = { major: Number(major), minor: Number(minor) };
  const path = `/dev/tap${index}`;
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  const isOurs = status?.isCharacterDevice() === true && status.rdev === deviceNumber(device);
  return isOurs ? { ...device, path } : device;
}

/**
 * Open the macvtap once for each pair of queues, frames with the header of virtio (linux/if_tun.h IFF_VNET_HDR).
 * Through /dev/tapN where that is the right one, else through a node of our own that is gone afterwards, which takes
 * real root.
 *
 * @returns descriptors, close-on-exec, the caller's to close
 * @throws NetloomError no-macvtap, macvtap-closed
 */
export async function openMacvtap(options: {
  readonly namespace: string;
  readonly interfaceName: string;
  readonly queues?: number;
}): Promise<number[]> {
  const { namespace, interfaceName, queues = 1 } = options;
  const device = await findMacvtap(namespace, interfaceName);
  try {
    if (device.path !== undefined) return openAll(device.path, device, queues);
    // Only below /dev may nodes be opened for certain: elsewhere file systems are mounted with nodev.
    const folder = mkdtempSync("/dev/.netloom-");
    try {
      const path = join(folder, "tap");
      await run("mknod", ["--mode=0600", path, "c", String(device.major), String(device.minor)]);
      return openAll(path, device, queues);
    } finally {
      rmSync(folder, { recursive: true });
    }
  } catch (cause) {
    const number = `${device.major}:${device.minor}`;
    throw new NetloomError(
      "macvtap-closed",
      `open macvtap ${interfaceName}: its device ${number} cannot be opened: ${messageOf(cause)}`,
      { cause, hint: "Devices take real root: in a user namespace use the binding bridge or masquerade." },
    );
  }
}

function openAll(path: string, device: MacvtapDevice, count: number): number[] {
  const descriptors: number[] = [];
  try {
    while (descriptors.length < count) {
      const descriptor = openSync(path, "r+");
      descriptors.push(descriptor);
      // The node may have changed hands since it was looked at.
      if (fstatSync(descriptor, { bigint: true }).rdev !== deviceNumber(device))
        throw new NetloomError("macvtap-closed", `${path} belongs to another interface now`);
    }
    return descriptors;
  } catch (error) {
    descriptors.forEach((descriptor) => closeSync(descriptor));
    throw error;
  }
}

/** dev_t as glibc lays it out (sys/sysmacros.h). */
function deviceNumber({ major, minor }: MacvtapDevice): bigint {
  const high = BigInt(major);
  const low = BigInt(minor);
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}
