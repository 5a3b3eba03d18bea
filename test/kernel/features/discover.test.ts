import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { discoverPodContext } from "../../../src/kernel/discover.ts";
import { readResolvConf } from "../../../src/kernel/resolv-conf.ts";

const GIVEN = "/run/given.conf";

beforeEach(() => {
  mkdirSync("/etc/netns/pod1", { recursive: true });
  mkdirSync("/run/systemd/resolve", { recursive: true });
  writeFileSync("/etc/resolv.conf", "nameserver 192.0.2.53\nsearch host.example.org\n");
});
afterEach(() => {
  for (const path of ["/etc/netns/pod1", "/run/systemd", GIVEN]) rmSync(path, { recursive: true, force: true });
});

describe("whose resolv.conf", () => {
  test("the given file before the namespace's before the host's", () => {
    expect(readResolvConf("pod1").servers).toEqual(["192.0.2.53"]);
    writeFileSync("/etc/netns/pod1/resolv.conf", "nameserver 198.51.100.53\n");
    expect(readResolvConf("pod1")).toEqual({ servers: ["198.51.100.53"], search: [] });
    writeFileSync(GIVEN, "nameserver 203.0.113.53\n");
    expect(readResolvConf("pod1", GIVEN).servers).toEqual(["203.0.113.53"]);
  });

  test("a namespace given by path has the host's", () => {
    expect(readResolvConf("/proc/1/ns/net").search).toEqual(["host.example.org"]);
  });

  test("an empty file of the namespace counts as empty", () => {
    writeFileSync("/etc/netns/pod1/resolv.conf", "");
    expect(readResolvConf("pod1")).toEqual({ servers: [], search: [] });
  });

  test("a given file that is missing is named", () => {
    expect(() => readResolvConf("pod1", "/run/no-such-file")).toThrow("/run/no-such-file");
  });

  test("a guest cannot reach the loopback: the servers behind systemd-resolved are told", () => {
    writeFileSync("/etc/resolv.conf", "nameserver 127.0.0.53\nsearch host.example.org\n");
    expect(readResolvConf("pod1")).toEqual({ servers: [], search: ["host.example.org"] });
    writeFileSync("/run/systemd/resolve/resolv.conf", "nameserver 192.0.2.99\nsearch other.example.org\n");
    expect(readResolvConf("pod1")).toEqual({ servers: ["192.0.2.99"], search: ["host.example.org"] });
  });
});

test("the host name is the namespace's own, unless its /etc/netns folder says another", () => {
  expect(discoverPodContext("pod1").hostName).toBe("pod1");
  writeFileSync("/etc/netns/pod1/hostname", "web-0\n");
  expect(discoverPodContext("pod1").hostName).toBe("web-0");
  expect(discoverPodContext("").hostName).toBe(hostname());
});
