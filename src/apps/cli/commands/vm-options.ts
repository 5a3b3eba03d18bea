/** The words behind `vm run` for a guest that no file declares. */
import { resolve } from "node:path";
import * as v from "valibot";
import { type IpAddress, parseIp, parseIpv4, parseIpv6, parseMac } from "../../../base/address.ts";
import { messageOf } from "../../../base/errors.ts";
import type { GuestNicRequest, GuestRunRequest } from "../../../engine/attach-request.ts";
import { memory } from "../../../model/leaf.ts";
import { nameFault } from "../../../model/names.ts";
import { type Invocation, usageError } from "../command.ts";

const DHCP = ["single", "network", "none"] as const;
const ACCELERATORS = ["auto", "kvm", "tcg"] as const;

export const GUEST_OPTIONS = {
  network: {
    value: "NETWORK[,KEY=VALUE…]",
    repeatable: true,
    help: "a NIC on that network of an applied file; keys: mac, address, address6, queues, and dhcp=single|network|none (default single)",
  },
  image: { value: "FILE", help: "disk image to boot from: qcow2 by the name's ending, else raw" },
  kernel: { value: "FILE", help: "Linux kernel to boot instead" },
  initrd: { value: "FILE", help: "initial RAM disk of the kernel" },
  append: { value: "WORDS", help: "command line of the kernel" },
  memory: { value: "SIZE", help: "such as 512M or 2G (default 256M)" },
  cpus: { value: "N", help: "1 to 255 (default 1)" },
  accelerator: { value: ACCELERATORS.join("|"), help: "auto: KVM where it works (default auto)" },
  dns: { value: "ADDRESS,…", help: "name servers that the guest is told (default the network's)" },
} as const;

/** Undefined: only a name was given, that of a guest which is there already. @throws NetloomError usage */
export function readGuest(invocation: Invocation): GuestRunRequest | undefined {
  const name = invocation.positionals[0]!;
  const networks = invocation.optionList("network");
  const given = Object.keys(GUEST_OPTIONS).find((option) => invocation.option(option) !== undefined);
  if (networks.length === 0) {
    if (given === undefined) return undefined;
    throw usageError(
      `vm run: --${given} is for a new guest, and --network is missing`,
      "netloom vm run NAME --network NETWORK …",
    );
  }
  const fault = nameFault(name);
  if (fault !== undefined) throw usageError(`vm run ${name}: the name ${fault}`);
  return { name, nics: networks.map(readNic), ...readBoot(invocation), ...readMachine(invocation) };
}

function readBoot(invocation: Invocation): Pick<GuestRunRequest, "image" | "kernel" | "initrd" | "append"> {
  const file = (option: "image" | "kernel" | "initrd"): { readonly [Key in typeof option]?: string } => {
    const path = invocation.option(option);
    return path === undefined ? {} : { [option]: resolve(path) };
  };
  const append = invocation.option("append");
  const [image, kernel] = [invocation.option("image"), invocation.option("kernel")];
  if (image === undefined && kernel === undefined)
    throw usageError("vm run: say what to boot", "--image FILE or --kernel FILE");
  const needsKernel = ["initrd", "append"].find((option) => invocation.option(option) !== undefined);
  if (kernel === undefined && needsKernel !== undefined)
    throw usageError(`vm run: --${needsKernel} works only together with --kernel`);
  return { ...file("image"), ...file("kernel"), ...file("initrd"), ...(append === undefined ? {} : { append }) };
}

function readMachine(
  invocation: Invocation,
): Pick<GuestRunRequest, "memoryMebibytes" | "cpus" | "accelerator" | "dns"> {
  const size = invocation.option("memory");
  const cpus = invocation.option("cpus");
  const accelerator = invocation.option("accelerator");
  const dns = invocation.option("dns");
  const known = ACCELERATORS.find((word) => word === accelerator);
  if (cpus !== undefined && !(/^[1-9]\d{0,2}$/.test(cpus) && Number(cpus) <= 255))
    throw usageError(`vm run: --cpus ${cpus}: not a number from 1 to 255`);
  if (accelerator !== undefined && known === undefined)
    throw usageError(`vm run: --accelerator ${accelerator}: not ${ACCELERATORS.join(", ")}`);
  return {
    ...(size === undefined ? {} : { memoryMebibytes: readMemory(size) }),
    ...(cpus === undefined ? {} : { cpus: Number(cpus) }),
    ...(known === undefined ? {} : { accelerator: known }),
    ...(dns === undefined ? {} : { dns: attempt("--dns", (): IpAddress[] => dns.split(",").map(parseIp)) }),
  };
}

/** As a network file has it. */
function readMemory(text: string): number {
  const read = v.safeParse(memory, text);
  if (read.success) return read.output;
  const { message, expected } = read.issues[0];
  throw usageError(`vm run: --memory ${text}: ${message}`, expected ?? undefined);
}

/** "lan,mac=52:54:00:12:34:56,dhcp=network" */
function readNic(text: string): GuestNicRequest {
  const [network = "", ...settings] = text.split(",");
  const nic: { -readonly [Key in keyof GuestNicRequest]: GuestNicRequest[Key] } = { network };
  for (const setting of settings) {
    const [key = "", value = ""] = /^([a-z0-9]+)=(.+)$/.exec(setting)?.slice(1) ?? [];
    const where = `--network ${text}: ${setting}`;
    if (key === "mac") nic.macAddress = attempt(where, () => parseMac(value));
    else if (key === "address") nic.address = attempt(where, () => parseIpv4(value));
    else if (key === "address6") nic.address6 = attempt(where, () => parseIpv6(value));
    else if (key === "queues" && /^(?:[1-9]|1[0-6])$/.test(value)) nic.queues = Number(value);
    else {
      const dhcp = key === "dhcp" ? DHCP.find((word) => word === value) : undefined;
      if (dhcp === undefined)
        throw usageError(`vm run: ${where}: not mac=, address=, address6=, queues=1 to 16 or dhcp=${DHCP.join("|")}`);
      nic.dhcp = dhcp;
    }
  }
  return nic;
}

function attempt<Value>(where: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw usageError(`vm run: ${where}: ${messageOf(error)}`);
  }
}
