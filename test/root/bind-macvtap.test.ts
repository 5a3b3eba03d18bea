/** `netloom bind --binding macvtap` with a real guest that takes both families at once. */
import { beforeAll, expect, test } from "vitest";
import { bindWithGuest, POD_MAC, REACHED, type Story } from "../guest/bound-guest.ts";

let story: Story;
beforeAll(async () => {
  story = await bindWithGuest(["--binding", "macvtap"]);
});

test("the guest has the pod's addresses, reaches the outside and renews its lease", () => {
  const { guest, binding } = story;
  expect(binding).toMatchObject({ tapType: "macvtap", mac: POD_MAC, mtuBytes: 1450 });
  expect(guest.told("address")).toEqual(["192.0.2.17/25"]);
  expect(guest.told("address6")).toEqual(["2001:db8::17/128"]);
  expect(guest.told("ping")).toEqual(REACHED);
  expect(guest.told("renewal")).toEqual(["ok"]);
});

test("it is reached at the pod's addresses, on the link; configuration does not cross; the pod comes back", () => {
  expect(story.answers).toEqual([`192.0.2.17 ${POD_MAC} ttl 64`, `2001:db8::17 ${POD_MAC} ttl 64`]);
  expect(story.leaked).toEqual([]);
  expect(story.after).toEqual(story.before);
});
