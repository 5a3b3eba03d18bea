/** Addresses in the words of named.conf. */
import { type IpAddress, parseIp, parsePrefix, type Prefix } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";

export function readIp(text: string): IpAddress | undefined {
  try {
    return parseIp(text);
  } catch (error) {
    if (error instanceof NetloomError) return undefined;
    throw error;
  }
}

/** BIND leaves out the zeros at the end: "10/8". */
export function readPrefix(text: string): Prefix | undefined {
  const short = /^(\d+(?:\.\d+){0,2})\/(\d+)$/.exec(text);
  const whole = short === null ? text : `${[...short[1]!.split("."), "0", "0", "0"].slice(0, 4).join(".")}/${short[2]}`;
  try {
    return parsePrefix(whole);
  } catch (error) {
    if (error instanceof NetloomError) return undefined;
    throw error;
  }
}
