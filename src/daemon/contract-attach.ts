/** The contract's part about what is connected to networks of applied files by hand. */
import * as v from "valibot";
import { interfaceName, ip, ipv4, ipv6, mac, namespace, network, path, queues } from "./contract-values.ts";

/** Becomes the name of a folder, and of a guest. */
const ownName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/));
const dhcp = v.picklist(["none", "single", "network"]);
const nameServers = v.pipe(v.array(ip), v.maxLength(8), v.readonly());

const target = v.variant("kind", [
  v.object({ kind: v.literal("namespace"), namespace, interfaceName }),
  v.object({
    kind: v.literal("tap"),
    tapName: interfaceName,
    ownerUid: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe))),
    queues: v.exactOptional(queues),
    dhcp: v.exactOptional(dhcp),
  }),
  v.object({ kind: v.literal("interface"), interfaceName }),
]);

export const attachRequest = v.object({
  network,
  target,
  name: v.exactOptional(ownName),
  address: v.exactOptional(ipv4),
  address6: v.exactOptional(ipv6),
  macAddress: v.exactOptional(mac),
  dns: v.exactOptional(nameServers),
});

export const attachment = v.object({
  name: v.string(),
  unit: v.string(),
  bridge: v.string(),
  device: v.string(),
  mac: v.exactOptional(v.string()),
  mtuBytes: v.exactOptional(v.number()),
  queues: v.exactOptional(v.number()),
  addresses: v.array(v.string()),
  qemuArguments: v.exactOptional(v.array(v.string())),
});

/** By its name, or by what was attached. */
export const detachRequest = v.union([v.object({ name: ownName }), v.object({ target })]);

export const guestRunRequest = v.object({
  name: ownName,
  nics: v.pipe(
    v.array(
      v.object({
        network,
        address: v.exactOptional(ipv4),
        address6: v.exactOptional(ipv6),
        macAddress: v.exactOptional(mac),
        dhcp: v.exactOptional(dhcp),
        queues: v.exactOptional(queues),
      }),
    ),
    v.minLength(1),
    v.maxLength(16),
    v.readonly(),
  ),
  image: v.exactOptional(path),
  kernel: v.exactOptional(path),
  initrd: v.exactOptional(path),
  append: v.exactOptional(v.pipe(v.string(), v.maxLength(2047), v.regex(/^[^\0\n]*$/))),
  memoryMebibytes: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(32), v.maxValue(4 * 1024 * 1024))),
  cpus: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(255))),
  accelerator: v.exactOptional(v.picklist(["auto", "kvm", "tcg"])),
  dns: v.exactOptional(nameServers),
});

export const runningGuest = v.object({
  name: v.string(),
  unit: v.string(),
  nics: v.array(v.object({ network: v.string(), tap: v.string(), mac: v.string() })),
  addresses: v.array(v.string()),
});
