/**
 * A NIC in QEMU's words: a netdev on the open tap and a virtio device, both with the NIC's own name, so that they
 * are found again in a running guest. The same properties serve the command line and QMP.
 *
 * A PCIe device can only be unplugged from a root port, and plugged into a free one; a port holds one device. So
 * every guest has root ports, all functions of as few slots as possible, some of them spare.
 * Source: QEMU docs/pcie.txt, qapi/net.json (NetdevTapOptions), hw/net/virtio-net.c.
 */
import type { VmNic } from "../../state/object/vm.ts";

type Properties = Readonly<Record<string, string | number | boolean>>;

/** For NICs that come while the guest runs. */
const SPARE_PORTS = 4;
const FUNCTIONS_OF_A_SLOT = 8;
/** QEMU gives the first slots of q35 to what has no place of its own. */
const FIRST_PORT_SLOT = 0x10;

/** Descriptors are numbers on the command line, and names that were given by getfd over QMP. */
export function netdevProperties(nic: VmNic, descriptors: readonly (number | string)[]): Properties {
  const list = descriptors.join(":");
  return { type: "tap", id: nic.id, ...(descriptors.length === 1 ? { fd: list } : { fds: list }) };
}

/** No boot ROM: it would delay the start and ask for a lease of its own. */
export function deviceProperties(nic: VmNic, port: number): Properties {
  const queues = nic.queues ?? 1;
  return {
    driver: "virtio-net-pci",
    id: nic.id,
    netdev: nic.id,
    bus: portName(port),
    mac: nic.macAddress,
    ...(nic.mtuBytes === undefined ? {} : { host_mtu: nic.mtuBytes }),
    // Two interrupts for each pair of queues, one for the configuration and one for the control queue.
    ...(queues === 1 ? {} : { mq: true, vectors: 2 * queues + 2 }),
    romfile: "",
  };
}

/**
 * The root port of each NIC: the one whose number its name ends with where it can be, so that NICs keep their
 * places, and with them what the guest calls them, whatever comes and goes.
 * @param taken ports that are not free
 */
export function assignPorts(nics: readonly VmNic[], taken: ReadonlySet<number> = new Set()): Map<string, number> {
  const ports = new Map<string, number>();
  const used = new Set(taken);
  const assign = (nic: VmNic, port: number): void => {
    ports.set(nic.id, port);
    used.add(port);
  };
  for (const nic of nics) {
    const port = Number(/\d{1,2}$/.exec(nic.id)?.[0] ?? Number.NaN);
    if (port < FUNCTIONS_OF_A_SLOT && !used.has(port)) assign(nic, port);
  }
  for (const nic of nics) {
    let port = 0;
    while (used.has(port)) port++;
    if (!ports.has(nic.id)) assign(nic, port);
  }
  return ports;
}

/** How many root ports a guest gets that starts with so many NICs. */
export function countPorts(nicCount: number): number {
  return Math.ceil((nicCount + SPARE_PORTS) / FUNCTIONS_OF_A_SLOT) * FUNCTIONS_OF_A_SLOT;
}

export function portProperties(port: number): Properties {
  const slot = FIRST_PORT_SLOT + Math.floor(port / FUNCTIONS_OF_A_SLOT);
  const address = `0x${slot.toString(16)}.0x${(port % FUNCTIONS_OF_A_SLOT).toString(16)}`;
  return { driver: "pcie-root-port", id: portName(port), chassis: port + 1, multifunction: true, addr: address };
}

export function portName(port: number): string {
  return `port${port}`;
}

/** The number in a port's name; undefined for another name. */
export function portNumber(name: string): number | undefined {
  const number = /^port(\d+)$/.exec(name)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** As QEMU's command line has it: the first value alone, then NAME=VALUE; a comma in a value is doubled. */
export function formatProperties(properties: Properties): string {
  return Object.entries(properties)
    .map(([name, value], i) => {
      const text = typeof value === "boolean" ? (value ? "on" : "off") : String(value).replaceAll(",", ",,");
      return i === 0 ? text : `${name}=${text}`;
    })
    .join(",");
}
