/** Guests as `vm list` shows them. */
import type { ServiceStatus } from "../services/keeper/protocol.ts";
import type { ServiceReport } from "../services/service.ts";

export function guestsOf(services: readonly ServiceStatus[]): (ServiceReport & { readonly name: string })[] {
  return services
    .filter((service) => service.kind === "vm")
    .map(({ name, state, reason, details }) => ({
      name: name.replace(/^VM /, ""),
      state,
      ...(reason === undefined ? {} : { reason }),
      details,
    }));
}
