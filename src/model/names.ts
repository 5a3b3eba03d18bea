/**
 * What the kernel and the file system accept as names.
 *
 * Interface names: at most 15 bytes (IFNAMSIZ is 16 with the final zero), no "/", ":" or blanks, not "." or
 * ".." (dev_valid_name in net/core/dev.c), not "all" or "default" (folders of /proc/sys/net/ipv4/conf).
 */
import { fnv1a64 } from "./hash.ts";

const INTERFACE_NAME_BYTES = 15;
const RESERVED_INTERFACES = new Set(["lo", "all", "default", ".", ".."]);

/** Why a text cannot be an interface's name, in words; undefined: it can. ASCII letters, digits and ". _ -" only. */
export function interfaceNameFault(name: string): string | undefined {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return "holds more than letters, digits and . _ -";
  if (name.length > INTERFACE_NAME_BYTES) return `has ${name.length} bytes, the kernel takes ${INTERFACE_NAME_BYTES}`;
  if (RESERVED_INTERFACES.has(name)) return "is reserved by the kernel";
  return name.startsWith("-") ? "starts with a dash" : undefined;
}

/** Why a text cannot be the name of a machine, network, router or uplink; undefined: it can. */
export function nameFault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return "holds more than letters, digits and . _ -";
  if (!/^[A-Za-z0-9]/.test(name)) return "does not start with a letter or digit";
  return name.length > 63 ? `has ${name.length} characters, 63 are allowed` : undefined;
}

/** Name of a pod's NIC inside the pod. */
export function podInterfaceName(index: number): string {
  return `eth${index}`;
}

/** Name of a guest's tap, in its pod; on the host with the machine's name before it. */
export function tapName(index: number): string {
  return `tap${index}`;
}

/**
 * Name of the host's end of a machine's NIC: "pod1-eth0", "vm1-tap0", or "nl" and a hash where that is too long or
 * `taken`.
 */
export function hostEndName(machine: string, interfaceName: string, taken: ReadonlySet<string>): string {
  const plain = `${machine}-${interfaceName}`;
  if (interfaceNameFault(plain) === undefined && !taken.has(plain)) return plain;
  for (let salt = 0; ; salt++) {
    const name = `nl${fnv1a64(`${plain}/${salt}`).toString(16).padStart(16, "0").slice(0, 12)}`;
    if (!taken.has(name)) return name;
  }
}

/** An absolute path; a relative one is taken from the folder. "." and ".." are resolved. */
export function resolvePath(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${folder}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
