/** dummy links, which not every kernel has. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseMac } from "../../src/base/address.ts";
import { RouteNetlink } from "../../src/kernel/netlink.ts";
import { decodeLink, deleteLink, dumpLinks, getLink, newLink, setLink } from "../../src/netlink/route/link.ts";
import { comparable, ipLink, jsonOf } from "../kernel/netlink/ip-json.ts";
import { run } from "../kernel/native/support.ts";

const MAC = parseMac("02:00:00:00:00:77");
let netlink: RouteNetlink;

beforeAll(() => {
  run("modprobe", "dummy", "numdummies=0");
  netlink = RouteNetlink.open();
});
afterAll(() => netlink.close());

test("a dummy is created, decoded as ip -json -details shows it, changed and deleted", async () => {
  await netlink.execute([newLink({ name: "nl-dummy", kind: "dummy", macAddress: MAC, mtuBytes: 1300 })]);
  await netlink.execute([setLink({ name: "nl-dummy", up: true, alias: "netloom:identity" })]);
  const link = await netlink.get(getLink({ name: "nl-dummy" }), decodeLink);
  expect(link).toMatchObject({ kind: "dummy", macAddress: MAC, mtuBytes: 1300, up: true, alias: "netloom:identity" });
  const shown = jsonOf("ip", "-json", "-details", "link", "show", "dev", "nl-dummy")[0];
  expect(ipLink(link, () => undefined)).toEqual(comparable(shown));
  await netlink.execute([deleteLink({ index: link.index })]);
  const left = await netlink.dump(dumpLinks(), decodeLink);
  expect(left.some(({ name }) => name === "nl-dummy")).toBe(false);
});
