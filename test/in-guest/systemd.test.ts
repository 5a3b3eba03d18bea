/** The units of packaging/systemd, installed as docs/systemd.md says, under a real systemd. */
import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { machine } from "../kernel/vm/support.ts";
import { CHECKOUT } from "../support/guest-image.ts";
import { Folder, until } from "../support/network.ts";
import { SystemdHost } from "../support/systemd-host.ts";

/** linux/capability.h */
const CAPABILITIES = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_MKNOD: 27,
};
const GROUP_ID = 990;
/** Emulated, on a busy machine. */
const PATIENCE_SECONDS = 150;

const folder = new Folder();
let host: SystemdHost;

/** A pod with what takes a module of its own and a device: dummy, tap, macvtap. */
const FILE = `version: 1
networks:
  lan: { subnet: 192.0.2.0/24 }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }, { network: lan }] }
  vm1:
    kind: vm
    in: pod1
    image: ${folder.join("vm1.img")}
    memory: 32M
    accelerator: tcg
    nics: [{ binding: bridge }, { binding: macvtap }]
`;

beforeAll(async () => {
  machine(folder.path, "vm1", "echo");
  host = await SystemdHost.boot();
}, 600_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Told {
  readonly daemonPid: number;
  /** State and process of the guest. */
  readonly guest: string;
}

/** What the daemon tells; rejects when none answers. */
async function told(): Promise<Told> {
  const asked = request({ socketPath: host.path("/run/netloom/netloom.sock"), path: "/v1/status" });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const { keeper } = JSON.parse(await text(response)) as {
    keeper: { pid: number; services: { name: string; state: string; details: { pid?: number } }[] };
  };
  const guest = keeper.services.find(({ name }) => name === "VM vm1");
  return { daemonPid: keeper.pid, guest: `${guest?.state} ${guest?.details.pid}` };
}

/** Mode, owner and group of something in the state folder. */
function access(name: string): string {
  const { mode, uid, gid } = statSync(host.path(`/run/netloom/${name}`));
  return `${name} ${(mode & 0o777).toString(8)} ${uid}:${gid}`;
}

const guestPid = (): string => host.read("/run/netloom/vm/vm1/pid").trim();
const privileges = (pid: string | number): string[] =>
  host.read(`/proc/${pid}/status`).match(/^(?:Cap\w+|NoNewPrivs|Seccomp):.*$/gm) ?? [];

describe("netloom.service", () => {
  let daemonPid: number;

  test("is started once the daemon answers, which root alone may ask", async () => {
    await host.shell(`[ ! -e /sys/module/dummy ] || modprobe -r dummy
      ln -s ${CHECKOUT}/bin/netloom /usr/bin/netloom
      install -m 0644 ${CHECKOUT}/packaging/systemd/* /etc/systemd/system/
      systemctl enable --now netloom.service`);
    ({ daemonPid } = await told());
    expect(await host.shell("systemctl show --property MainPID --value netloom")).toBe(`${daemonPid}\n`);
    const names = [".", "netloom.sock", "keeper.sock"];
    expect(names.map(access)).toEqual([". 700 0:0", "netloom.sock 600 0:0", "keeper.sock 600 0:0"]);
  });

  test("has the capabilities that it needs and no others, a system call filter, and the host's mounts and network", () => {
    const all = Object.values(CAPABILITIES).reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
    const set = all.toString(16).padStart(16, "0");
    expect(privileges(daemonPid)).toEqual([
      "CapInh:\t0000000000000000",
      `CapPrm:\t${set}`,
      `CapEff:\t${set}`,
      `CapBnd:\t${set}`,
      "CapAmb:\t0000000000000000",
      "NoNewPrivs:\t1",
      "Seccomp:\t2",
    ]);
    for (const kind of ["mnt", "net", "pid"]) {
      const [ofInit, ofDaemon] = [1, daemonPid].map((pid) => readlinkSync(host.path(`/proc/${pid}/ns/${kind}`)));
      expect(ofDaemon).toBe(ofInit);
    }
  });

  test("the module of dummies is there for the daemon, which may load none, and has made no link", () => {
    expect(existsSync("/sys/module/dummy")).toBe(true);
    expect(readdirSync(host.path("/sys/class/net"))).toEqual(["lo"]);
  });
});

describe("netloom-apply@.service and its guest", () => {
  let started: Told;

  test("applies a file; its namespace is seen by ip netns; dummy, tap and macvtap work", async () => {
    await host.shell(`mkdir /etc/netloom; cat >/etc/netloom/lan.yaml <<'END'\n${FILE}END
      systemctl enable --now netloom-apply@lan.service`);
    const links = JSON.parse(await host.shell("ip -n pod1 -d -j link")) as {
      ifname: string;
      linkinfo?: { info_kind: string };
    }[];
    const kinds = Object.fromEntries(links.map(({ ifname, linkinfo }) => [ifname, linkinfo?.info_kind]));
    expect(kinds).toMatchObject({ eth0: "dummy", tap0: "tun", tap1: "macvtap" });
    started = await told();
    expect(started.guest).toBe(`running ${guestPid()}`);
  });

  test("its guest stands in a scope of the guests' slice, with no more privilege than the daemon", async () => {
    const group = host.read(`/proc/${guestPid()}/cgroup`);
    expect(group).toMatch(/\/netloom\.slice\/netloom-guests\.slice\/run-\w+\.scope\n$/);
    const scope = group.trim().split("/").at(-1) ?? "";
    expect(await host.shell(`systemctl show --property Description --value ${scope}`)).toBe(
      "Virtual machine vm1 of netloom\n",
    );
    expect(privileges(guestPid())).toEqual(privileges(started.daemonPid));
    // With the host it is stopped only after it had time to shut itself down.
    expect(await host.shell(`systemctl show --property Before --value ${scope}`)).toContain("netloom-guests.service");
    expect(
      await host.shell("systemctl start netloom-guests.service && systemctl is-active netloom-guests.service"),
    ).toBe("active\n");
  });

  test("a restart leaves the guest alone and takes it up again; --group opens the socket and nothing else", async () => {
    await host.shell(`echo netloom:x:${GROUP_ID}: >>/etc/group
      echo 'NETLOOM_OPTIONS="--group netloom"' >/etc/default/netloom
      systemctl restart netloom`);
    const after = await told();
    expect(after.daemonPid).not.toBe(started.daemonPid);
    expect(after.guest).toBe(started.guest);
    expect([".", "netloom.sock", "keeper.sock", "units", "vm"].map(access)).toEqual([
      `. 710 0:${GROUP_ID}`,
      `netloom.sock 660 0:${GROUP_ID}`,
      "keeper.sock 600 0:0",
      "units 700 0:0",
      "vm 700 0:0",
    ]);
  });

  test("SIGKILL of all that is in the unit leaves the guest alone; systemd starts the daemon again", async () => {
    const before = await told();
    await host.shell("systemctl kill --signal=KILL netloom");
    let after: Told | undefined;
    await until(
      "another daemon answers",
      async () => {
        // Nobody listens meanwhile.
        after = await told().catch(() => undefined);
        return after !== undefined && after.daemonPid !== before.daemonPid;
      },
      PATIENCE_SECONDS,
    );
    expect(after?.guest).toBe(started.guest);
  });

  test("stop ends the daemon in order and leaves the guest; destroy ends it and its scope", async () => {
    await host.shell("systemctl stop netloom");
    const properties = "ActiveState,Result,ExecMainStatus,NRestarts";
    expect((await host.shell(`systemctl show --property ${properties} netloom`)).trimEnd().split("\n").sort()).toEqual([
      "ActiveState=inactive",
      "ExecMainStatus=0",
      "NRestarts=1",
      "Result=success",
    ]);
    const group = host.read(`/proc/${guestPid()}/cgroup`);
    expect(group).toContain("netloom-guests.slice/");
    expect(await host.shell("netloom destroy /etc/netloom/lan.yaml")).toContain("nothing is left");
    expect(readdirSync(host.path("/run/netns"))).toEqual([]);
    expect(readdirSync(host.path("/sys/class/net"))).toEqual(["lo"]);
    expect(await host.shell("systemctl list-units --no-legend --all --type=scope 'run-*'")).toBe("");
  });
});
