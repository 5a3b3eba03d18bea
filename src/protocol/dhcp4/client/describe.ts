/** A lease for people and programs: plain JSON, every option by the name that ISC dhcpd gives it. */
import { formatPrefix, IPV4_ANY } from "../../../base/address.ts";
import { toHex } from "../../../base/bytes.ts";
import type { ClasslessRoute } from "../../../wire/dhcp4/codecs.ts";
import { DHCP4_OPTION, type Dhcp4Option, readOption } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import type { Dhcp4Lease } from "./lease.ts";

interface DescribedRoute {
  readonly destination: string;
  /** Absent: the destination is on the link. */
  readonly gateway?: string;
}

interface DescribedLease extends Omit<Dhcp4Lease, "routes" | "options"> {
  readonly routes: readonly DescribedRoute[];
  readonly options: Readonly<Record<string, unknown>>;
}

const BY_CODE: ReadonlyMap<number, Dhcp4Option<unknown>> = new Map(
  Object.values<Dhcp4Option<unknown>>(DHCP4_OPTION).map((option) => [option.code, option]),
);
const ROUTE_OPTIONS = [DHCP4_OPTION.classlessRoutes, DHCP4_OPTION.microsoftClasslessRoutes];

/** Values of a form that is not the option's own, and of options without a name ("224"), are hexadecimal. */
export function describeLease({ routes, options, ...rest }: Dhcp4Lease): DescribedLease {
  return { ...rest, routes: routes.map(describeRoute), options: describeOptions(options) };
}

function describeRoute({ destination, gateway }: ClasslessRoute): DescribedRoute {
  return { destination: formatPrefix(destination), ...(gateway === IPV4_ANY ? {} : { gateway }) };
}

function describeOptions(options: Dhcp4Options): Record<string, unknown> {
  return Object.fromEntries(
    [...options].map(([code, bytes]) => {
      const option = BY_CODE.get(code);
      const name = option?.names[0] ?? String(code);
      const value = option === undefined ? undefined : readOption(options, option);
      if (value === undefined || value instanceof Uint8Array) return [name, toHex(bytes)];
      const routes = ROUTE_OPTIONS.find((candidate) => candidate.code === code);
      return [name, routes === undefined ? value : readOption(options, routes)?.map(describeRoute)];
    }),
  );
}
