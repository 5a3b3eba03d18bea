/** Names, addresses and keys of what a KubeVirt binding makes in a pod. */
import { type Ipv4Address, parseIpv4 } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { fnv1a64 } from "../../model/hash.ts";
import { interfaceNameFault } from "../../model/names.ts";

/** KubeVirt's two generations: 0.4.1, and the names of today. */
export type BindingProfile = "legacy" | "modern";

export interface BindingNames {
  readonly bridge: string;
  /** The pod's interface while it is bound. */
  readonly nic: string;
  /** The interface beside a macvtap that its guest is served on. */
  readonly helper: string;
  /** Address of the bridge and of our DHCP server; belongs to nobody on the pod's network. */
  readonly serverAddress: Ipv4Address;
}

const LONGEST_STEM = 11;
/** 169.254.75.1 with the index written behind it: up to 169.254.75.199. */
const LAST_MODERN_INDEX = 99;
const LEGACY_SERVER_HOST = 86;

/** @throws NetloomError nic-index */
export function bindingNames(profile: BindingProfile, interfaceName: string, nicIndex: number): BindingNames {
  if (!Number.isInteger(nicIndex) || nicIndex < 0 || nicIndex > LAST_MODERN_INDEX) {
    throw new NetloomError(
      "nic-index",
      `bind ${interfaceName}: NIC index ${nicIndex} is not a number from 0 to ${LAST_MODERN_INDEX}`,
    );
  }
  if (profile === "legacy") {
    return {
      bridge: `br${nicIndex + 1}`,
      nic: interfaceName,
      helper: `${nameStem(interfaceName)}-own`,
      serverAddress: parseIpv4(`169.254.75.${LEGACY_SERVER_HOST + nicIndex}`),
    };
  }
  const stem = nameStem(interfaceName);
  return {
    bridge: `k6t-${stem}`,
    nic: `${stem}-nic`,
    helper: `${stem}-own`,
    serverAddress: parseIpv4(`169.254.75.1${nicIndex}`),
  };
}

/** What the derived names are made of: of "pod" and 11 hex digits only these, as KubeVirt does; a hash of longer names. */
function nameStem(interfaceName: string): string {
  const hashed = /^pod([0-9a-f]{11})$/.exec(interfaceName);
  if (hashed !== null) return hashed[1]!;
  if (interfaceName.length <= LONGEST_STEM) return interfaceName;
  return fnv1a64(interfaceName).toString(16).padStart(16, "0").slice(0, LONGEST_STEM);
}

/** @throws NetloomError bad-name */
export function checkTapName(name: string): void {
  const fault = interfaceNameFault(name);
  if (fault !== undefined) throw new NetloomError("bad-name", `tap ${name}: the name ${fault}`);
}
