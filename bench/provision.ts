/**
 * 1,000 ports: a veth pair each, one end a port of one bridge with an address, both ends up, peers in the same
 * namespace; then all of it gone. netloom does the whole job in that time: observe, plan, journal, apply,
 * read back and verify. `ip -batch` only makes them. Process start is left out for both.
 *
 * A second table puts each peer into a namespace of its own.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ipv4FromNumber } from "../src/base/address.ts";
import { reconcile } from "../src/engine/reconcile.ts";
import type { ServiceHost } from "../src/engine/service-host.ts";
import { type Desired, EMPTY } from "../src/state/desired.ts";
import type { StateObject } from "../src/state/object.ts";
import { UnitStore } from "../src/store/unit.ts";
import { readCommandLine, whole } from "./support/command-line.ts";
import { compete, formatRows } from "./support/rounds.ts";

const PORTS = 1000;
const { ROUNDS: rounds } = readCommandLine(
  {
    command: "scripts/sandbox.sh node bench/provision.ts",
    what: `Milliseconds to make ${PORTS} ports of a bridge and to take them away, beside \`ip -batch\` and one \`ip\` for each
command; then the same with each port's peer in a namespace of its own.`,
    needs: "the sandbox and iproute2.",
  },
  {
    ROUNDS: {
      what: "of both contestants in turns; at most 3 with namespaces",
      fallback: "5",
      read: whole(1),
      place: "one",
    },
  },
);
const folder = mkdtempSync(join(tmpdir(), "netloom-bench-"));
const noServices: ServiceHost = { converge: () => Promise.resolve() };
const address = (port: number): string => ipv4FromNumber(0x0a800000 + port + 2);

function desiredPorts(inNamespaces: boolean): Desired {
  const objects: StateObject[] = [
    {
      kind: "link",
      key: "link/bench",
      origin: "network bench",
      namespace: "",
      name: "bench0",
      link: { type: "bridge" },
      up: true,
    },
  ];
  for (let i = 0; i < PORTS; i++) {
    const namespace = inNamespaces ? `bench${i}` : "";
    if (inNamespaces)
      objects.push({ kind: "namespace", key: `namespace/${namespace}`, origin: namespace, name: namespace });
    const host = `link/p${i}/host`;
    const peer = `link/p${i}`;
    objects.push(
      {
        kind: "link",
        key: host,
        origin: "bench",
        namespace: "",
        name: `p${i}`,
        link: { type: "veth", peerKey: peer },
        masterKey: "link/bench",
        up: true,
      },
      {
        kind: "link",
        key: peer,
        origin: "bench",
        namespace,
        name: inNamespaces ? "eth0" : `q${i}`,
        link: { type: "veth-peer", peerKey: host },
        up: true,
      },
      {
        kind: "address",
        key: `address/p${i}`,
        origin: "bench",
        namespace: inNamespaces ? namespace : "",
        linkKey: inNamespaces ? peer : host,
        address: ipv4FromNumber(0x0a800000 + i + 2),
        prefixLength: 32,
      },
    );
  }
  return { objects, absent: [] };
}

function shell(program: string, words: readonly string[]): void {
  const result = spawnSync(program, words, { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${program} ${words.join(" ")}: ${result.stderr}`);
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function ours(inNamespaces: boolean): () => Promise<Record<string, number>> {
  const desired = desiredPorts(inNamespaces);
  return async () => {
    const unit = UnitStore.open(folder, "bench");
    const create = await timed(() => reconcile(unit, desired, { services: noServices }));
    const destroy = await timed(() => reconcile(unit, EMPTY, { services: noServices }));
    return { create, destroy };
  };
}

function batchFile(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function portCommands(i: number): string[] {
  return [
    `link add p${i} type veth peer name q${i}`,
    `link set p${i} master bench0 group 77 up`,
    `link set q${i} up`,
    `address add ${address(i)}/32 dev p${i}`,
  ];
}

const allPorts = Array.from({ length: PORTS }, (_, i) => portCommands(i)).flat();
const createBatch = batchFile("create", ["link add bench0 type bridge", "link set bench0 up", ...allPorts]);

async function ipBatch(): Promise<Record<string, number>> {
  const create = await timed(() => shell("ip", ["-batch", createBatch]));
  const destroy = await timed(() => {
    shell("ip", ["link", "delete", "group", "77"]);
    shell("ip", ["link", "delete", "bench0"]);
  });
  return { create, destroy };
}

async function ipProcesses(): Promise<Record<string, number>> {
  const create = await timed(() => {
    for (const line of ["link add bench0 type bridge", "link set bench0 up", ...allPorts]) shell("ip", line.split(" "));
  });
  const destroy = await timed(() => {
    shell("ip", ["link", "delete", "group", "77"]);
    shell("ip", ["link", "delete", "bench0"]);
  });
  return { create, destroy };
}

async function ipNamespaces(): Promise<Record<string, number>> {
  const names = Array.from({ length: PORTS }, (_, i) => `bench${i}`);
  const make = batchFile(
    "make",
    names.map((name) => `netns add ${name}`),
  );
  const links = batchFile("links", [
    "link add bench0 type bridge",
    "link set bench0 up",
    ...names.flatMap((name, i) => [
      `link add p${i} type veth peer name eth0 netns ${name}`,
      `link set p${i} master bench0 group 77 up`,
    ]),
  ]);
  const create = await timed(() => {
    shell("ip", ["-batch", make]);
    shell("ip", ["-batch", links]);
    names.forEach((name, i) => {
      const inside = batchFile("inside", [
        `address add ${address(i)}/32 dev eth0`,
        "link set eth0 up",
        "link set lo up",
      ]);
      shell("ip", ["-n", name, "-batch", inside]);
    });
  });
  const remove = batchFile(
    "remove",
    names.map((name) => `netns delete ${name}`),
  );
  const destroy = await timed(() => {
    shell("ip", ["link", "delete", "group", "77"]);
    shell("ip", ["-batch", remove]);
    shell("ip", ["link", "delete", "bench0"]);
  });
  return { create, destroy };
}

try {
  for (const scope of ["default", "all"]) writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, "1");
  process.stdout.write(`${PORTS} ports in one namespace, ${rounds} rounds, taking turns\n`);
  const first = await compete(
    [
      { name: "netloom", round: ours(false) },
      { name: "ip -batch", round: ipBatch },
    ],
    rounds,
  );
  const slow = await compete([{ name: "one ip per command", round: ipProcesses }], 1);
  process.stdout.write(`${formatRows([...first, ...slow], "ip -batch")}\n\n${PORTS} namespaces\n`);
  const second = await compete(
    [
      { name: "netloom", round: ours(true) },
      { name: "ip -batch per namespace", round: ipNamespaces },
    ],
    Math.min(rounds, 3),
  );
  process.stdout.write(`${formatRows(second, "ip -batch per namespace")}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
