/** A daemon whose disk is full, whatever it is asked to do and however much is left: all or nothing, and it goes on. */
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Folder, makeUplink, removeUplink, shell, until } from "../../support/network.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";
import { comparable, Daemon, fileText, untilSame } from "./support.ts";

const BLOCK_BYTES = 4096;
const RANDOM_MACS = ["site1-eth0", "more1-eth0", "theirs-eth0", "tap0", "eth0-nic", "k6t-eth0", "br-pods"];

let folder: Folder;
let daemon: Daemon;

beforeAll(async () => {
  makeUplink();
  makePodNetwork();
  makePod("pod1", ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"]);
  shell("ip netns add theirs");
  folder = new Folder();
  mkdirSync(folder.join("state"));
  shell(`mount -t tmpfs -o size=256k tmpfs ${folder.join("state")}`);
  daemon = await Daemon.start(folder.join("state"));
  await daemon.netloom("apply", folder.write("site.yaml", fileText("site", "192.168.76")));
  await until("all is settled", () => shell("ip -6 address show tentative") === "");
});

afterAll(async () => {
  await daemon.netloom("destroy", folder.join("site.yaml"));
  await daemon[Symbol.asyncDispose]();
  shell(`umount ${folder.join("state")}; ip netns delete theirs; ip link delete br-pods`);
  removePod("pod1");
  folder[Symbol.dispose]();
  removeUplink();
});

/** Leave so many blocks of 4 KiB free. */
function fill(blocks: number): void {
  rmSync(`${daemon.state}/filler`, { force: true });
  const { bfree } = statfsSync(daemon.state);
  writeFileSync(`${daemon.state}/filler`, new Uint8Array((bfree - blocks) * BLOCK_BYTES));
  expect(statfsSync(daemon.state).bfree).toBe(blocks);
}

const POD = { namespace: "pod1", interfaceName: "eth0" };
const CHANGES = {
  async apply() {
    const source = folder.join("more.yaml");
    const client = await daemon.client();
    await client.call("apply", { source, text: fileText("more", "192.168.77") });
    return () => client.call("destroy", { source });
  },
  async bind() {
    const client = await daemon.client();
    await client.call("bind", { ...POD, profile: "modern", tapName: "tap0" });
    return () => client.call("unbind", POD);
  },
  async attach() {
    await daemon.netloom("attach", "site", "--netns", "theirs");
    return () => daemon.netloom("detach", "--netns", "theirs");
  },
};

test.for(["apply", "bind", "attach"] as const)("%s", async (change) => {
  const before = comparable(RANDOM_MACS);
  let failures = 0;
  for (const blocks of [0, 2, 5]) {
    fill(blocks);
    let undo: (() => Promise<unknown>) | undefined;
    try {
      undo = await CHANGES[change]();
    } catch (error) {
      failures++;
      expect(String(error), `${blocks} blocks free`).toContain("no space is left on the disk");
      await untilSame(before, RANDOM_MACS, `${change} with ${blocks} blocks free`);
    }
    if (blocks === 0) {
      shell("ip address flush dev site");
      await untilSame(before, RANDOM_MACS, "healing with no room at all");
    }
    await undo?.();
    rmSync(`${daemon.state}/filler`);
    await untilSame(before, RANDOM_MACS, `after ${change} with ${blocks} blocks free`);
  }
  expect(failures).toBeGreaterThan(0);
  await (await CHANGES[change]())();
  await untilSame(before, RANDOM_MACS, `${change} with room`);
});
