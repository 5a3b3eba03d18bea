/** Guests as `vm list` shows them. */
import type { ServiceStatus } from "../services/keeper/protocol.ts";
import type { ResponseOf } from "./contract.ts";

export function guestsOf(services: readonly ServiceStatus[]): ResponseOf<"vmList"> {
  return services
    .filter((service) => service.kind === "vm")
    .map(({ name, state, reason, details }) => ({
      name: name.replace(/^VM /, ""),
      state,
      ...(reason === undefined ? {} : { reason }),
      details,
    }));
}
