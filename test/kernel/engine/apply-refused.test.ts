/** What ends an apply early: somebody else's things in its way, mistakes, missing rights, a step that fails. Nothing is left of it. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fileLines, hostSnapshot } from "../../support/host-snapshot.ts";
import {
  done,
  failOnce,
  makeUplink,
  netloom,
  nftInFront,
  removeUplink,
  Running,
  shell,
} from "../../support/network.ts";
import { ApplyScene, networkFile } from "./apply-scene.ts";

let scene: ApplyScene;

beforeAll(makeUplink);
afterAll(removeUplink);
beforeEach(() => {
  scene = new ApplyScene();
});
afterEach(() => scene[Symbol.dispose]());

describe("when something fails in the middle", () => {
  test("a program that fails: all is undone", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    const { code, stdout, stderr } = await netloom(
      scene.words("apply", file),
      nftInFront(scene.folder, failOnce(scene.folder)),
    );
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("load nft table ip netloom_apply");
    expect(stderr).toContain("nft is broken today");
    expect(stderr).toContain("everything done so far was undone");
    expect(existsSync(scene.folder.join("failed"))).toBe(true);
    scene.expectNothingLeft();
    await done(scene.words("apply", file));
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });

  test("something foreign that appears under way: all but that is undone", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    // The route stands in pod1 by the time that ours is to be added.
    const environment = nftInFront(
      scene.folder,
      `if [ -e /run/netns/pod1 ]; then
  ip -n pod1 link set eth0 up
  ip -n pod1 address add 192.168.50.99/24 dev eth0
  ip -n pod1 route add default via 192.168.50.77
fi`,
    );
    const { code, stderr } = await netloom(scene.words("apply", file), environment);
    expect(code).toBe(1);
    expect(stderr).toMatch(/default route.* in pod1: .*EEXIST/);
    scene.expectNothingLeft();
  });

  test("the keeper cannot start a guest: all is undone", async () => {
    const file = scene.folder.write(
      "apply.yaml",
      networkFile([
        "vm1: { kind: vm, in: pod1, image: disk.qcow2, memory: 32M, accelerator: tcg, nics: [{ binding: bridge }] }",
      ]),
    );
    scene.folder.write("disk.qcow2", "this is no disk image\n");
    const { code, stderr } = await netloom(scene.words("apply", file));
    expect(code).toBe(1);
    expect(stderr).toContain("vm1");
    scene.expectNothingLeft();
  });
});

describe("what is not ours is refused by name and not touched", () => {
  const FOREIGN: [string, string, string, RegExp][] = [
    ["a link lan", "ip link add lan type bridge", "ip link delete lan", /link lan exists and is not netloom's/],
    [
      "a link of a pod's host end",
      "ip link add pod2-eth0 type bridge",
      "ip link delete pod2-eth0",
      /link pod2-eth0 exists/,
    ],
    [
      "a table of our name",
      "nft add table ip netloom_apply",
      "nft delete table ip netloom_apply",
      /nft table ip netloom_apply exists and is not netloom's/,
    ],
    ["a namespace pod1", "ip netns add pod1", "ip netns delete pod1", /namespace pod1 exists and is not netloom's/],
    [
      "a route into the subnet",
      "ip route add 192.168.50.128/25 via 198.51.100.1",
      "ip route delete 192.168.50.128/25",
      /overlaps the host's route to 192\.168\.50\.128\/25 through uplink0/,
    ],
    [
      "a wider route",
      "ip route add 192.168.0.0/16 via 198.51.100.1",
      "ip route delete 192.168.0.0/16",
      /overlaps the host's route to 192\.168\.0\.0\/16 through uplink0/,
    ],
    [
      "an address in the subnet",
      "ip address add 192.168.50.7/32 dev uplink0",
      "ip address delete 192.168.50.7/32 dev uplink0",
      /overlaps the address 192\.168\.50\.7\/32 of uplink0/,
    ],
    [
      "name servers of a pod",
      "mkdir -p /etc/netns/pod1; echo nameserver 192.0.2.53 >/etc/netns/pod1/resolv.conf",
      "rm -r /etc/netns/pod1",
      /file \/etc\/netns\/pod1\/resolv\.conf exists and is not netloom's/,
    ],
  ];

  test.each(FOREIGN)("%s", async (_, make, remove, told) => {
    const file = scene.folder.write("apply.yaml", networkFile());
    shell(make);
    try {
      const withForeign = hostSnapshot();
      const { code, stderr } = await netloom(scene.words("apply", file));
      expect(stderr).toMatch(told);
      expect(code).toBe(1);
      expect(hostSnapshot()).toEqual(withForeign);
      expect((await netloom(scene.words("plan", file))).code).toBe(1);
      await done(scene.words("destroy", file));
      expect(hostSnapshot()).toEqual(withForeign);
    } finally {
      shell(remove);
    }
    scene.expectNothingLeft();
  });

  test("what others put into our pods' folders stays", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    await done(scene.words("apply", file));
    writeFileSync("/etc/netns/pod1/hosts", "192.0.2.1 example.org\n");
    await done(scene.words("destroy", file));
    expect(fileLines("/etc/netns/pod1").join("\n")).toContain("example.org");
    rmSync("/etc/netns/pod1", { recursive: true });
    scene.expectNothingLeft();
  });
});

describe("wrong use, a wrong file, a host that is not fit", () => {
  test("a device that is not there", async () => {
    const file = scene.folder.write("apply.yaml", networkFile().replace("uplink0", "eth77"));
    const { code, stderr } = await netloom(scene.words("apply", file));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /apply\.yaml:4:\d+: uplinks\.wan\.device: there is no such device on this host \(is "eth77"\)/,
    );
    expect(stderr).toContain("uplink0");
    scene.expectNothingLeft();
  });

  test("a disk that is not there", async () => {
    const vm = "vm1: { kind: vm, in: pod1, image: missing.img, nics: [{ binding: bridge }] }";
    const file = scene.folder.write("apply.yaml", networkFile([vm]));
    const { code, stderr } = await netloom(scene.words("apply", file));
    expect(code).toBe(1);
    expect(stderr).toContain("missing.img");
    scene.expectNothingLeft();
  });

  test("mistakes in the file are told with their place, all at once", async () => {
    const text = networkFile().replace("192.168.50.20", "192.168.51.20").replace("nat: masquerade", "nat: maskerade");
    const file = scene.folder.write("apply.yaml", text);
    for (const command of ["plan", "apply"]) {
      const { code, stderr } = await netloom(scene.words(command, file));
      expect(code).toBe(2);
      expect(stderr).toMatch(/apply\.yaml:8:\d+/);
    }
    writeFileSync(file, networkFile().replace("192.168.50.20", "192.168.51.20"));
    const { code, stderr } = await netloom(scene.words("apply", file));
    expect(code).toBe(2);
    expect(stderr).toMatch(/apply\.yaml:11:\d+.*192\.168\.51\.20/s);
    scene.expectNothingLeft();
  });

  test("a file that is not there", async () => {
    const { code, stderr } = await netloom(scene.words("apply", scene.folder.join("none.yaml")));
    expect(code).toBe(2);
    expect(stderr).toContain("none.yaml");
    scene.expectNothingLeft();
  });

  test.each([
    ["a command that does not exist", ["aply", "x.yaml"], /there is no such command/],
    ["an option that does not exist", ["apply", "x.yaml", "--force"], /--force/],
    ["no file", ["apply"], /FILE is missing/],
    ["a word too many", ["apply", "x.yaml", "y.yaml"], /y\.yaml.*too many/],
    ["an option without its value", ["status", "--state"], /--state/],
  ])("%s: exit code 2", async (_, command, told) => {
    const { code, stdout, stderr } = await netloom(command);
    expect(code).toBe(2);
    expect(stderr).toMatch(told);
    expect(stdout).toBe("");
  });

  test.each([
    ["net_admin", "CAP_NET_ADMIN"],
    ["net_raw", "CAP_NET_RAW"],
    ["sys_admin", "CAP_SYS_ADMIN"],
  ])("without the privilege %s it says so, and nothing else", async (capability, name) => {
    const file = scene.folder.write("apply.yaml", networkFile());
    for (const command of ["apply", "destroy"]) {
      const program = ["setpriv", `--bounding-set=-${capability}`, `--inh-caps=-${capability}`, "bin/netloom"];
      const { code, stderr } = await new Running([...program, ...scene.words(command, file)]).ended();
      expect(code).toBe(1);
      const others = ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"].filter((other) => other !== name);
      expect(stderr).toContain(name);
      for (const other of others) expect(stderr).not.toContain(other);
      expect(existsSync(scene.state)).toBe(false);
    }
    scene.expectNothingLeft();
  });

  test("a file can be looked at without any privilege", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    const program = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "bin/netloom"];
    const { code, stdout } = await new Running([...program, ...scene.words("plan", file)]).ended();
    expect(stdout).toContain("create bridge lan");
    expect(stdout).toContain("note: without CAP_NET_ADMIN");
    expect(code).toBe(0);
  });
});
