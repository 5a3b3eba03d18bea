/** Every binding without a device of its own, with a real guest that takes both families at once. */
import { beforeAll, describe, expect, test } from "vitest";
import { bindWithGuest, POD_MAC, REACHED, type Story } from "./bound-guest.ts";

describe.each(["modern", "legacy"])("bridge, profile %s", (profile) => {
  let story: Story;
  beforeAll(async () => {
    story = await bindWithGuest(["--binding", "bridge", "--profile", profile]);
  });

  test("the guest has the pod's addresses, reaches the outside and renews its lease", () => {
    const { guest, binding } = story;
    expect(binding.mac).toBe(POD_MAC);
    expect(guest.told("address")).toEqual(["192.0.2.17/25"]);
    expect(guest.told("address6"), guest.told("without-ip6").join("\n")).toEqual(["2001:db8::17/128"]);
    expect(guest.told("ping")).toEqual(REACHED);
    expect(guest.told("renewal")).toEqual(["ok"]);
  });

  test("it is reached at the pod's addresses, on the link; configuration does not cross; the pod comes back", () => {
    expect(story.answers).toEqual([`192.0.2.17 ${POD_MAC} ttl 64`, `2001:db8::17 ${POD_MAC} ttl 64`]);
    expect(story.leaked).toEqual([]);
    expect(story.after).toEqual(story.before);
  });
});

describe("masquerade", () => {
  let story: Story;
  beforeAll(async () => {
    story = await bindWithGuest(["--binding", "masquerade"]);
  });

  test("the guest has KubeVirt's private addresses, reaches the outside and renews its lease", () => {
    const { guest, binding } = story;
    expect(binding.mac).not.toBe(POD_MAC);
    expect(guest.told("address")).toEqual(["10.0.2.2/24"]);
    expect(guest.told("address6"), guest.told("without-ip6").join("\n")).toEqual(["fd10:0:2::2/128"]);
    expect(guest.told("ping")).toEqual(REACHED);
    expect(guest.told("renewal")).toEqual(["ok"]);
  });

  test("it answers at the pod's addresses from behind the pod; the pod comes back", () => {
    expect(story.answers).toEqual([`192.0.2.17 ${POD_MAC} ttl 63`, `2001:db8::17 ${POD_MAC} ttl 63`]);
    expect(story.leaked).toEqual([]);
    expect(story.after).toEqual(story.before);
  });
});
