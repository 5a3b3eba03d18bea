/**
 * examples/office-dns.yaml as a person runs it: a machine of the file, a client that comes and goes, the outside, and a
 * name server out there that ends meanwhile.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import type { DnsServerConfig } from "../../../src/protocol/dns/config.ts";
import { DnsService } from "../../../src/services/dns/server.ts";
import { KeeperClient } from "../../../src/services/keeper/client.ts";
import { done, Folder, makeUplink, netloom, removeUplink, Running, shell, until } from "../../support/network.ts";
import { addressData } from "../../../src/wire/dns/data.ts";

const EXAMPLE = join(import.meta.dirname, "../../../examples/office-dns.yaml");
const OFFICE = "192.168.50.1";
const GUESTS = "192.168.60.1";

const SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case $1 in
deconfig) ip address flush dev eth0; ip link set eth0 up ;;
bound | renew) ip address replace "$ip/$mask" dev eth0 ;;
esac
echo "EVENT $1 $ip dns $dns domain $domain" >&2
`;

let folder: Folder;
let upstream: DnsService;
let laptop: Running | undefined;

function record(
  name: string,
  address: string,
  ttlSeconds: number,
): DnsServerConfig["zones"][number]["records"][number] {
  return { name, type: 1, class: 1, ttlSeconds, data: addressData(parseIp(address)) };
}

/** The outside's name server. */
function outside(): DnsService {
  return new DnsService({
    namespacePath: "/run/netns/outside",
    listen: [{ address: parseIp("198.51.100.1"), port: 53 }],
    config: {
      mode: "forward-only",
      upstreams: [],
      domains: [],
      zones: [
        {
          name: "example.org",
          records: [record("www.example.org", "203.0.113.7", 300), record("evil.example.org", "192.168.50.10", 300)],
        },
      ],
      mixedCase: false,
      cache: {
        bytes: 65_536,
        minimumTtlSeconds: 0,
        maximumTtlSeconds: 300,
        maximumNegativeSeconds: 300,
        staleSeconds: 0,
      },
    },
    logger: SILENT,
  });
}

/**
 * What dig is told to each question: the answers, or the status when it is no NOERROR.
 * @param namespace from where it asks; "": the host itself
 */
async function digAll(server: string, questions: readonly string[], namespace = ""): Promise<string[]> {
  const enter = namespace === "" ? [] : ["nsenter", `--net=/run/netns/${namespace}`, "--"];
  const each = ["+time=5", "+tries=2", "+noall", "+comments", "+answer"];
  const words = questions.flatMap((question) => [`@${server}`, ...question.split(" "), ...each]);
  const { stdout } = await new Running([...enter, "dig", ...words]).ended();
  return stdout
    .split(";; Got answer:")
    .slice(1)
    .map((told) => {
      const status = /status: (\w+)/.exec(told)?.[1] ?? told;
      const lines = told.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
      return status === "NOERROR" ? lines.map((line) => line.split(/\s+/).slice(3).join(" ")).join(", ") : status;
    });
}

async function dig(server: string, question: string, namespace?: string): Promise<string> {
  const [answer = "silence"] = await digAll(server, [question], namespace);
  return answer;
}

/** A client on the office's bridge that holds its lease until it is told to release it. */
async function client(hostName: string): Promise<Running> {
  const udhcpc = ["busybox", "udhcpc", "-f", "-R", "-t", "5", "-T", "1", "-i", "eth0", "-s", folder.join("script")];
  const words = [...udhcpc, "-x", `hostname:${hostName}`];
  const running = new Running(["nsenter", "--net=/run/netns/laptop", "--", ...words]);
  await until(
    () => `a lease: ${running.stderr}`,
    () => /EVENT bound/.test(running.stderr),
  );
  return running;
}

function addressOf(running: Running): string {
  return /EVENT bound (\S+)/.exec(running.stderr)?.[1] ?? "";
}

beforeAll(async () => {
  folder = new Folder();
  shell(`cat >${folder.join("script")} <<'END'\n${SCRIPT}END\nchmod +x ${folder.join("script")}`);
  makeUplink();
  shell(`ip -n outside route add 192.168.50.0/24 via 198.51.100.2
    ip netns add laptop`);
  upstream = outside();
  await done(["apply", EXAMPLE]);
  shell(`ip -n laptop link add eth0 type veth peer name port1 netns 1
    ip link set port1 master office up
    ip -n laptop link set eth0 up`);
});

afterAll(async () => {
  await laptop?.stop("SIGKILL");
  await netloom(["destroy", EXAMPLE]);
  await upstream.close();
  shell("ip netns delete laptop");
  removeUplink();
  folder[Symbol.dispose]();
});

describe("names of the file", () => {
  test("are those of machines, hosts, records and the bridge, both ways", async () => {
    const answers = {
      "web.office.example": "A 192.168.50.2",
      "WEB.office.example A": "A 192.168.50.2",
      "web.office.example +tcp": "A 192.168.50.2",
      "-x 192.168.50.2": "PTR web.office.example.",
      "-x 192.168.50.1": "PTR gateway.office.example.",
      "printer.office.example": "A 192.168.50.10",
      "www.office.example": "CNAME web.office.example., A 192.168.50.2",
      "office.example MX": "MX 10 mail.example.org.",
      "_ipp._tcp.office.example SRV": "SRV 0 0 631 printer.office.example.",
      "nobody.office.example": "NXDOMAIN",
      "-x 192.168.50.77": "NXDOMAIN",
    };
    const told = await digAll(OFFICE, Object.keys(answers));
    expect(Object.fromEntries(Object.keys(answers).map((question, index) => [question, told[index]]))).toEqual(answers);
  });

  test("are another's on another network: each has its own view", async () => {
    expect(await digAll(GUESTS, ["www.office.example", "web.office.example"])).toEqual(["A 203.0.113.80", "NXDOMAIN"]);
  });

  test("are told to machines, and not to outsiders", async () => {
    expect(shell("cat /etc/netns/web/resolv.conf")).toContain("nameserver 192.168.50.1\nsearch office.example\n");
    expect(await dig(OFFICE, "printer.office.example", "web")).toBe("A 192.168.50.10");
    expect(await dig(OFFICE, "printer.office.example", "outside")).toBe("REFUSED");
  });
});

describe("a client's name", () => {
  test("comes with its lease, is told to it with the server, and stays when the keeper is killed", async () => {
    laptop = await client("laptop");
    const address = addressOf(laptop);
    expect(laptop.stderr).toContain(`EVENT bound ${address} dns 192.168.50.1 domain office.example`);
    const both = await digAll(OFFICE, ["laptop.office.example", `-x ${address}`]);
    expect(both).toEqual([`A ${address}`, "PTR laptop.office.example."]);
    const keeper = new KeeperClient("/run/netloom");
    process.kill((await keeper.status()).pid, "SIGKILL");
    await done(["apply", EXAMPLE]);
    expect(await dig(OFFICE, "laptop.office.example")).toBe(`A ${address}`);
  });

  test("goes when the lease is given back", async () => {
    await laptop?.stop();
    await until("the name is gone", async () => (await dig(OFFICE, "laptop.office.example")) === "NXDOMAIN");
  });

  test("is never that of a machine or a host", async () => {
    laptop = await client("web");
    const address = addressOf(laptop);
    expect(await digAll(OFFICE, ["web.office.example", `-x ${address}`])).toEqual(["A 192.168.50.2", "NXDOMAIN"]);
  });
});

describe("names outside", () => {
  test("are asked of the forwarder, and private addresses among the answers are not passed on", async () => {
    const answers = await digAll(OFFICE, ["www.example.org", "evil.example.org"], "web");
    expect(answers).toEqual(["A 203.0.113.7", ""]);
  });

  test("are remembered when the forwarder has ended, until they are flushed", async () => {
    await upstream.close();
    expect(await dig(OFFICE, "www.example.org", "web")).toBe("A 203.0.113.7");
    const cached: unknown = JSON.parse(await done(["dns", "cache", "office", "--json"]));
    expect(cached).toContainEqual(
      expect.objectContaining({ network: "office-dns/office", name: "www.example.org", answers: ["A 203.0.113.7"] }),
    );
    const stats: unknown = JSON.parse(await done(["dns", "stats", "--json"]));
    expect(stats).toContainEqual(
      expect.objectContaining({
        network: "office-dns/office",
        upstreams: expect.arrayContaining([expect.objectContaining({ server: "198.51.100.1" })]),
      }),
    );
    await done(["dns", "flush", "office", "www.example.org"]);
    expect(await dig(OFFICE, "www.example.org", "web")).toBe("SERVFAIL");
  });
});
