/** What an attachment came to, as it is told: read from the wanted state, so that a second attach says the same as the first. */
import type { MacAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import type { Desired } from "../state/desired.ts";
import type { StateObject } from "../state/object.ts";
import type { LinkObject } from "../state/object/kernel.ts";

/** What somebody must know who uses the attachment. */
export interface Attachment {
  readonly name: string;
  readonly unit: string;
  /** Bridge that it is on. */
  readonly bridge: string;
  /** The port of the bridge. */
  readonly device: string;
  /** Of the interface in the namespace, or of the guest on the tap. */
  readonly mac?: string;
  readonly mtuBytes?: number;
  /** Pairs of queues of a tap. */
  readonly queues?: number;
  /** With prefix length where they stand on an interface. */
  readonly addresses: readonly string[];
  /** Of a tap. */
  readonly qemuArguments?: readonly string[];
}

/** @param guestMac of a guest on a tap */
export function describeAttachment(
  name: string,
  unit: string,
  { objects, declared }: Desired,
  guestMac: MacAddress | undefined,
): Attachment {
  const links = objects.filter((object): object is LinkObject => object.kind === "link");
  const port = links.find(({ masterKey }) => typeof masterKey === "string");
  if (port === undefined || typeof port.masterKey !== "string")
    throw new NetloomError("corrupt-store", `attach: the record ${unit} lacks the port of the bridge`);
  const queues = port.link.type === "tap" ? (port.link.queues ?? 1) : undefined;
  const mac = links.find(({ link }) => link.type === "veth-peer")?.macAddress ?? guestMac;
  return {
    name,
    unit,
    bridge: port.masterKey.replace("/link/", "/"),
    device: port.name,
    ...(mac === undefined ? {} : { mac }),
    ...(port.mtuBytes === undefined ? {} : { mtuBytes: port.mtuBytes }),
    ...(queues === undefined ? {} : { queues, qemuArguments: qemuArguments(port, queues, mac) }),
    addresses: [...objects.flatMap(addressesTold), ...(declared?.reserved ?? [])],
  };
}

/** Addresses that the object gives to somebody. */
export function addressesTold(object: StateObject): readonly string[] {
  switch (object.kind) {
    case "address":
      return object.address.startsWith("fe80:") ? [] : [`${object.address}/${object.prefixLength}`];
    case "dhcp-single":
      return [`${object.lease.address}/${object.lease.prefixLength}`];
    case "dhcp-network":
      return object.hosts.flatMap(({ address }) =>
        address === undefined ? [] : [`${address}/${object.prefixLength}`],
      );
    case "ip6-single":
      return object.lease.addresses;
    default:
      return [];
  }
}

function qemuArguments({ name, mtuBytes }: LinkObject, queues: number, mac: MacAddress | undefined): readonly string[] {
  const several = queues > 1;
  const device = [
    `virtio-net-pci,netdev=${name}`,
    ...(mac === undefined ? [] : [`mac=${mac}`]),
    ...(mtuBytes === undefined ? [] : [`host_mtu=${mtuBytes}`]),
    "romfile=",
    ...(several ? ["mq=on", `vectors=${2 * queues + 2}`] : []),
  ];
  return [
    "-netdev",
    `tap,id=${name},ifname=${name},script=no,downscript=no${several ? `,queues=${queues}` : ""}`,
    "-device",
    device.join(","),
  ];
}
