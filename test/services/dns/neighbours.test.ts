import { describe, expect, test } from "vitest";
import { parseIp, parsePrefix } from "../../../src/base/address.ts";
import { encodeSocketAddress } from "../../../src/kernel/socket-address.ts";
import { Neighbours } from "../../../src/services/dns/neighbours.ts";

function world(...connected: string[]) {
  const strangers: string[] = [];
  const clock = { now: 100, looks: 0, isBlind: false };
  const neighbours = new Neighbours({
    onStranger: (address) => strangers.push(address),
    connected: () => {
      clock.looks++;
      if (clock.isBlind) throw new Error("too many files are open");
      return connected.map(parsePrefix);
    },
    now: () => clock.now,
  });
  /** The same however it is asked. */
  const answers = (text: string): boolean => {
    const bytes = new Uint8Array(100);
    bytes.set(encodeSocketAddress({ address: parseIp(text), port: 53 }), 40);
    const answered = neighbours.allows(bytes, 40);
    expect(neighbours.allowsAddress(parseIp(text))).toBe(answered);
    return answered;
  };
  return { connected, clock, strangers, answers };
}

describe("who is answered when nobody has said it", () => {
  test.each([
    "127.0.0.1",
    "10.255.0.1",
    "172.31.0.1",
    "192.168.7.7",
    "100.127.255.255",
    "169.254.1.1",
    "::1",
    "fd12::1",
    "fe80::1",
  ])("private: %s", (address) => {
    expect(world().answers(address)).toBe(true);
  });

  test.each(["172.32.0.1", "100.128.0.1", "11.0.0.1", "192.169.0.1", "2001:db8::1", "::2", "fec0::1", "ff02::1"])(
    "not %s",
    (address) => {
      expect(world("192.0.2.0/24").answers(address)).toBe(false);
    },
  );

  test("networks of this host, also those that come later", () => {
    const { connected, clock, answers } = world("192.0.2.1/24", "2001:db8:1::1/64");
    expect(["192.0.2.200", "2001:db8:1::ffff"].map(answers)).toEqual([true, true]);
    expect(["198.51.100.7", "2001:db8:2::7"].map(answers)).toEqual([false, false]);
    connected.splice(0, 2, "198.51.100.1/24", "2001:db8:2::1/64");
    clock.now += 1;
    expect(["198.51.100.7", "2001:db8:2::7", "192.0.2.200"].map(answers)).toEqual([true, true, false]);
  });

  test("stay who they were while the networks cannot be read", () => {
    const { connected, clock, answers } = world("192.0.2.1/24");
    clock.now += 1;
    clock.isBlind = true;
    expect(["192.0.2.7", "198.51.100.7"].map(answers)).toEqual([true, false]);
    connected[0] = "198.51.100.1/24";
    clock.now += 1;
    clock.isBlind = false;
    expect(["198.51.100.7", "192.0.2.7"].map(answers)).toEqual([true, false]);
  });

  test("strangers make it look once a second, and the first of them is told", () => {
    const { clock, answers, strangers } = world();
    for (let i = 0; i < 1000; i++) {
      clock.now += 0.01;
      answers("203.0.113.9");
      answers("198.51.100.1");
    }
    expect(clock.looks).toBeLessThanOrEqual(1 + 10);
    expect(strangers).toEqual(["203.0.113.9"]);
  });
});
