/** Options that the server sets itself: they belong to one dialogue, not to a configuration. */
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";

const OWN: ReadonlySet<number> = new Set(
  [
    DHCP4_OPTION.requestedAddress,
    DHCP4_OPTION.leaseTime,
    DHCP4_OPTION.overload,
    DHCP4_OPTION.messageType,
    DHCP4_OPTION.serverIdentifier,
    DHCP4_OPTION.parameterRequestList,
    DHCP4_OPTION.message,
    DHCP4_OPTION.maximumMessageSize,
    DHCP4_OPTION.renewalTime,
    DHCP4_OPTION.rebindingTime,
    DHCP4_OPTION.clientIdentifier,
    DHCP4_OPTION.clientDomainName,
    DHCP4_OPTION.rapidCommit,
    DHCP4_OPTION.relayAgentInformation,
    DHCP4_OPTION.subnetSelection,
  ].map(({ code }) => code),
);

export function isServerOption(code: number): boolean {
  return OWN.has(code);
}
