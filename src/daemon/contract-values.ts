/** Values that several requests of the contract have. */
import * as v from "valibot";
import {
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
} from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";

export const name = v.pipe(v.string(), v.minLength(1), v.maxLength(255));

/** Absolute and without "." or ".." in it. */
export const path = v.pipe(v.string(), v.maxLength(4096), v.regex(/^\/(?!.*(?:\/|^)\.{1,2}(?:\/|$))[^\0]*$/));

export const interfaceName = v.pipe(v.string(), v.regex(/^(?!\.{1,2}$)[^/\s\0]{1,15}$/));

/** A name under /run/netns or an absolute path. */
export const namespace = v.pipe(v.string(), v.regex(/^(?:[^/\0]{1,255}|\/[^\0]{1,4095})$/));

/** NETWORK or FILE/NETWORK. */
export const network = v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]{1,63}(?:\/[A-Za-z0-9._-]{1,63})?$/));

/** Pairs of queues: more than a guest has CPUs for, and fewer than the kernel's 256. */
export const queues = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16));

const LONGEST_ADDRESS = 64;

function parsedBy<Value>(parse: (text: string) => Value) {
  return v.pipe(
    v.string(),
    v.maxLength(LONGEST_ADDRESS),
    v.rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value);
      } catch (error) {
        if (!(error instanceof NetloomError)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );
}

export const ipv4 = parsedBy<Ipv4Address>(parseIpv4);
export const ipv6 = parsedBy<Ipv6Address>(parseIpv6);
export const ip = parsedBy<IpAddress>(parseIp);
export const mac = parsedBy(parseMac);
