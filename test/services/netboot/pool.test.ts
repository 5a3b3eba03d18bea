import { expect, test } from "vitest";
import { type Ipv4Prefix, parseIpv4, parsePrefix } from "../../../src/base/address.ts";
import { derivePool } from "../../../src/services/netboot/pool.ts";

const pool = (own: string, ...taken: string[]) =>
  derivePool(parsePrefix(own) as Ipv4Prefix, taken.map(parseIpv4)).map(({ first, last }) => `${first}-${last}`);

test("the upper half of the interface's subnet, without ours and the router's addresses", () => {
  expect(pool("192.0.2.1/24")).toEqual(["192.0.2.128-192.0.2.254"]);
  expect(pool("192.0.2.1/24", "192.0.2.254")).toEqual(["192.0.2.127-192.0.2.253"]);
  expect(pool("192.0.2.200/24", "192.0.2.1")).toEqual(["192.0.2.127-192.0.2.199", "192.0.2.201-192.0.2.254"]);
});

test("no more than 200 addresses of a large one, and at least one of a small one", () => {
  expect(pool("198.18.0.1/15")).toEqual(["198.19.255.55-198.19.255.254"]);
  expect(pool("192.0.2.1/30")).toEqual(["192.0.2.2-192.0.2.2"]);
  expect(pool("192.0.2.1/32")).toEqual([]);
  expect(pool("192.0.2.0/31")).toEqual([]);
});
