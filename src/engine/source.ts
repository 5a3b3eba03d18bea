/** Where a unit comes from, in a person's words. */
import type { AttachRequest, AttachTarget, GuestRunRequest } from "./attach-request.ts";

/** As the record keeps it where there is no file: one of the requests, or the settings of a bind. */
interface Source {
  readonly attach?: AttachRequest;
  readonly vm?: GuestRunRequest;
  readonly lease?: { readonly interface: string; readonly family?: number };
  readonly binding?: string;
  readonly ports?: readonly { readonly port: number; readonly protocol: string }[];
}

/**
 * "/etc/netloom/office.yaml", "namespace pod1, eth0 on office/lan", "guest on office/lan", "binding bridge, tap tap0".
 * @param source as the record has it: a file's absolute path, or JSON
 */
export function formatSource(source: string): string {
  if (!source.startsWith("{")) return source;
  const { attach, vm, lease, ...bind } = JSON.parse(source) as Source;
  if (lease !== undefined) return `${lease.family === 6 ? "DHCPv6" : "DHCP"} lease of ${lease.interface}`;
  if (attach !== undefined) return attachmentWords(attach).join(", ");
  return vm === undefined ? bindWords(bind).join(", ") : guestWords(vm).join(", ");
}

function attachmentWords({ target, network, address, address6, macAddress, dns }: AttachRequest): string[] {
  return [
    ...targetWords(target, network),
    ...words([
      ["address", address],
      ["address", address6],
      ["MAC", macAddress],
      ["name servers", dns?.join(" ")],
    ]),
  ];
}

function targetWords(target: AttachTarget, network: string): string[] {
  switch (target.kind) {
    case "namespace":
      return [`namespace ${target.namespace}`, `${target.interfaceName} on ${network}`];
    case "interface":
      return [`interface ${target.interfaceName} on ${network}`];
    case "tap":
      return [
        `tap ${target.tapName} on ${network}`,
        ...words([
          ["dhcp", target.dhcp],
          ["queues", target.queues],
          ["owner", target.ownerUid],
        ]),
      ];
  }
}

function guestWords({ nics, image, kernel }: GuestRunRequest): string[] {
  const networks = nics.map(({ network }) => network).join(" and ");
  return [
    `guest on ${networks}`,
    ...words([
      ["image", image],
      ["kernel", kernel],
    ]),
  ];
}

function bindWords({ binding = "bridge", ports, ...rest }: Omit<Source, "attach" | "vm" | "lease">): string[] {
  const further: Readonly<Record<string, unknown>> = rest;
  return [
    `binding ${binding}`,
    ...Object.entries(further).map(([name, value]) => `${name} ${String(value)}`),
    ...words([["ports", ports?.map(({ port, protocol }) => `${port}/${protocol}`).join(" ")]]),
  ];
}

function words(pairs: readonly (readonly [string, string | number | undefined])[]): string[] {
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
}
