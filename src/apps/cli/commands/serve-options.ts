/** How the servers' commands read what a person has written. */
import { type IpAddress, isLinkLocal6, parseIp } from "../../../base/address.ts";
import { messageOf, NetloomError } from "../../../base/errors.ts";
import { type Command, usageError } from "../command.ts";

const FOREVER_SECONDS = 0xffff_ffff;
const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

type Named = Pick<Command, "name">;

/** "20s", "12h", "7d", "infinite" as seconds; 4294967295 is for ever. @throws NetloomError usage */
export function readLeaseTime({ name }: Named, text: string): number {
  if (text === "infinite") return FOREVER_SECONDS;
  const [, number = "0", unit = "s"] = /^(\d{1,10})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(number) * (SECONDS_OF_UNIT[unit] ?? 0);
  if (seconds < 1 || seconds >= FOREVER_SECONDS)
    throw usageError(`${name}: --lease ${text}: not a time such as 20s, 45m, 12h or 7d, or infinite`);
  return seconds;
}

/** What a person has written wrongly, told as wrong use. @throws NetloomError usage */
export function attempt<Value>({ name }: Named, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw usageError(`${name}: ${messageOf(error)}`, error instanceof NetloomError ? error.hint : undefined);
  }
}

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** "192.0.2.53", "192.0.2.53#5353", "2001:db8::53#5353". @throws NetloomError bad-address */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const [, addressText = "", portText] = /^([^#]*)(?:#(\d{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? defaultPort : Number(portText);
  if (addressText === "" || port < 1 || port > 65_535)
    throw new NetloomError("bad-address", `${JSON.stringify(text)}: not an ADDRESS or ADDRESS#PORT`);
  const address = parseIp(addressText);
  if (isLinkLocal6(address))
    throw new NetloomError("bad-address", `${text}: a link-local address, which every link has`, {
      hint: "an address of a prefix is of one link: fd00::1, 2001:db8::1",
    });
  return { address, port };
}
