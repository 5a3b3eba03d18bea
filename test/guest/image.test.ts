import { execFileSync } from "node:child_process";
import { beforeAll, expect, test } from "vitest";
import { GUEST_INITRD, GUEST_KERNEL, GUEST_KERNEL_ARGUMENTS, toldBy } from "../support/guest-image.ts";

/** QEMU's own network: 10.0.2.2 is the gateway, 10.0.2.3 the name server, 10.0.2.15 the guest. */
const NETWORK = ["-netdev", "user,id=n0,hostname=vm1,domainname=example.org"];
const CARD = ["-device", "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:10,romfile="];

let console = "";

beforeAll(() => {
  const append = `${GUEST_KERNEL_ARGUMENTS} nl.ping=10.0.2.2,10.0.2.77 nl.resolve=nowhere.example.org nl.renew=1 nl.poweroff=1`;
  console = execFileSync(
    "qemu-system-x86_64",
    [
      ..."-M q35,smm=off,accel=tcg -cpu max,-la57 -m 128M -nodefaults -display none -serial stdio".split(" "),
      "-kernel",
      GUEST_KERNEL,
      "-initrd",
      GUEST_INITRD,
      "-append",
      append,
      ...NETWORK,
      ...CARD,
    ],
    { encoding: "utf8", timeout: 170_000, stdio: ["ignore", "pipe", "inherit"] },
  );
});

test("the guest tells its lease and what it made of it", () => {
  const lease = toldBy(console, "lease");
  expect(lease).toContain("ip 10.0.2.15");
  expect(lease).toContain("router 10.0.2.2");
  expect(lease).toContain("domain example.org");
  expect(toldBy(console, "mac")[0]).toBe("52:54:00:00:00:10");
  expect(toldBy(console, "address")[0]).toBe("10.0.2.15/24");
  expect(toldBy(console, "mtu")[0]).toBe("1500");
  expect(toldBy(console, "route")).toContain("default via 10.0.2.2 dev eth0");
  expect(toldBy(console, "hostname")[0]).toBe("vm1");
  expect(toldBy(console, "resolv")).toEqual(expect.arrayContaining(["search example.org", "nameserver 10.0.2.3"]));
});

test("its checks can succeed and can fail", () => {
  expect(toldBy(console, "ping")).toEqual(["10.0.2.2 ok", "10.0.2.77 failed"]);
  expect(toldBy(console, "ping-full")).toEqual(["10.0.2.2 ok 1500", "10.0.2.77 failed 1500"]);
  expect(toldBy(console, "resolve")).toEqual(["nowhere.example.org failed"]);
});

test("it renews its lease when it is asked to", () => {
  expect(toldBy(console, "event").slice(-1)).toEqual(["renew"]);
  expect(toldBy(console, "renewal")).toEqual(["ok"]);
});
