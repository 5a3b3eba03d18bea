/**
 * `netloom netboot --share`: Windows PE's view of the folder, by smbclient. Samba takes on another user, so it needs several.
 * All with the privileges of netloom.service, and those that its comment says are to be added.
 */
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { processesNamed } from "../kernel/vm/support.ts";
import { CHECKOUT } from "../support/guest-image.ts";
import { Folder, Running, shell, startNetloom, until } from "../support/network.ts";

let folder: Folder;

beforeAll(() => {
  folder = new Folder();
  shell(`chmod 755 ${folder.path}
    mkdir -p ${folder.join("boot/sources")}
    head -c 300000 /dev/urandom >${folder.join("boot/sources/install.wim")}
    echo x >${folder.join("boot/ipxe.efi")}
    echo secret >${folder.join("secret")}; ln -s ../secret ${folder.join("boot/out")}
    ip netns add windows
    ip link add lan0 type veth peer name eth0 netns windows
    ip address add 192.0.2.1/24 dev lan0; ip link set lan0 up
    ip -n windows address add 192.0.2.2/24 dev eth0; ip -n windows link set eth0 up`);
});

afterAll(() => {
  shell("ip link delete lan0; ip netns delete windows");
  folder[Symbol.dispose]();
});

/** Of Samba, in its usual places and in ours. */
function traces(): readonly string[] {
  const kept = ["/run/samba", "/var/lib/samba", "/var/cache/samba"].filter((path) => existsSync(path));
  return [
    ...kept.flatMap((path) => readdirSync(path).toSorted()),
    ...readdirSync(tmpdir()).filter((name) => /share-|smb/.test(name)),
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes("share")),
  ];
}

function smb(commands: string): string {
  return shell(
    `nsenter --net=/run/netns/windows -- smbclient --no-pass --configfile=/dev/null //192.0.2.1/boot -c '${commands}' 2>&1 || true`,
  );
}

const words = (name = "boot"): string[] => [
  "netboot",
  folder.join(name),
  "--interface",
  "lan0",
  "--proxy",
  "--share",
  "--state",
  folder.join("state"),
];

function startUnder(capabilities: readonly string[]): Running {
  const bounding = ["-all", ...capabilities.map((name) => `+${name.replace("CAP_", "").toLowerCase()}`)].join(",");
  const privileges = ["setpriv", "--no-new-privs", `--bounding-set=${bounding}`, "--inh-caps=-all"];
  return new Running([
    "sh",
    "-c",
    'umask 0077; exec "$@"',
    "sh",
    ...privileges,
    join(CHECKOUT, "bin/netloom"),
    ...words(),
  ]);
}

/** What stands in the unit, and what its comment says for a share. */
function capabilitiesOf(pattern: RegExp): readonly string[] {
  const unit = readFileSync(join(CHECKOUT, "packaging/systemd/netloom.service"), "utf8");
  return pattern.exec(unit)![1]!.match(/CAP_\w+/g)!;
}

const OF_UNIT = capabilitiesOf(/^CapabilityBoundingSet=(.*)$/m);
const OF_SHARE = capabilitiesOf(/^# .* CapabilityBoundingSet=(.*)$/m);

test("without the privileges that Samba needs besides, what to add to the unit is told", async () => {
  const { code, stderr } = await startUnder(OF_UNIT).ended();
  expect([code, stderr]).toEqual([1, expect.stringContaining("Samba would lack CAP_SETGID")]);
  expect(stderr).toContain(`CapabilityBoundingSet=${OF_SHARE.join(" ")}\n`);
});

test("another file server on the address is told, not taken for ours", async () => {
  const other = createServer().listen(445, "192.0.2.1");
  await once(other, "listening");
  const { code, stderr } = await startNetloom(words()).ended();
  other.close();
  expect([code, stderr]).toEqual([1, expect.stringContaining("192.0.2.1 port 445 over TCP: another program has this")]);
});

test("a folder whose name Samba would take for another one's is refused", async () => {
  shell(`mkdir "${folder.join("boot x")}" "${folder.join("boot  x")}"`);
  folder.write("boot  x/ipxe.efi", "x");
  const { code, stderr } = await startNetloom(words("boot  x")).ended();
  expect([code, stderr]).toEqual([1, expect.stringContaining("nor two spaces")]);
});

test("a share that guests read and nobody writes, gone when netboot ends, also when it is killed", async () => {
  const before = traces();
  const server = startUnder([...OF_UNIT, ...OF_SHARE]);
  await until(
    () => `the share: ${server.stderr}`,
    () => server.stdout.includes("\\\\192.0.2.1\\boot") || !server.running,
  );
  smb(`cd sources; get install.wim ${folder.join("got")}`);
  expect(readFileSync(folder.join("got")).equals(readFileSync(folder.join("boot/sources/install.wim")))).toBe(true);
  expect(smb("put /etc/hostname new")).toContain("NT_STATUS_ACCESS_DENIED");
  expect(smb("del ipxe.efi")).toContain("NT_STATUS_");
  expect(smb(`get out ${folder.join("stolen")}`)).toContain("NT_STATUS_");
  expect(shell(`ls ${folder.path}`)).not.toContain("stolen");
  expect(shell("ss --no-header -lnt 'sport = :445'")).toContain("192.0.2.1:445");
  expect((await server.stop("SIGINT")).code).toBe(0);
  expect(processesNamed("smbd")).toEqual([]);

  const killed = startNetloom(words());
  await until(
    () => `the share: ${killed.stderr}`,
    () => killed.stdout.includes("\\\\192.0.2.1\\boot") || !killed.running,
  );
  await killed.stop("SIGKILL");
  await until("the end of Samba", () => processesNamed("smbd").length === 0);
  expect(traces()).toEqual(before);
});
