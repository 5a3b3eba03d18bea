/** A lease for people and programs: plain JSON, every option by its name. */
import { formatPrefix } from "../../../base/address.ts";
import { toHex } from "../../../base/bytes.ts";
import type { ClasslessRoute } from "../../../wire/dhcp4/codecs.ts";
import { DHCP4_OPTION, type Dhcp4Option, readOption } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import type { Dhcp4Lease } from "./lease.ts";

const NAMED: ReadonlyMap<number, readonly [string, Dhcp4Option<unknown>]> = new Map(
  Object.entries<Dhcp4Option<unknown>>(DHCP4_OPTION).map((entry) => [entry[1].code, entry]),
);

const ROUTE_OPTIONS = [DHCP4_OPTION.classlessRoutes, DHCP4_OPTION.microsoftClasslessRoutes];

/** Bytes become hexadecimal, routes text, an option without a name "option224". */
export function describeLease(lease: Dhcp4Lease): Readonly<Record<string, unknown>> {
  const { routes, options, ...rest } = lease;
  return { ...rest, routes: routes.map(describeRoute), options: describeOptions(options) };
}

function describeRoute({ destination, gateway }: ClasslessRoute): { destination: string; gateway?: string } {
  return { destination: formatPrefix(destination), ...(gateway === "0.0.0.0" ? {} : { gateway }) };
}

function describeOptions(options: Dhcp4Options): Record<string, unknown> {
  return Object.fromEntries(
    [...options].map(([code, bytes]) => {
      const [name, option] = NAMED.get(code) ?? [];
      if (name === undefined || option === undefined) return [`option${code}`, toHex(bytes)];
      const value = readOption(options, option);
      if (value === undefined || value instanceof Uint8Array) return [name, toHex(bytes)];
      const routes = ROUTE_OPTIONS.find(({ code: routeCode }) => routeCode === code);
      return [name, routes === undefined ? value : readOption(options, routes)?.map(describeRoute)];
    }),
  );
}
