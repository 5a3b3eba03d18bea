/** `boot` of networks: whose own DHCP server tells machines their files, beside the server of somebody else, and out of haneWIN. */
import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseMac } from "../../../src/base/address.ts";
import { bootFrame } from "../../support/boot-client.ts";
import type { ServerReply } from "../../support/dhcp4-client.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, shell } from "../../support/network.ts";
import { FirmwareLink } from "./client.ts";

const FILE = `version: 1
networks:
  own:
    subnet: 192.0.2.0/24
    dhcp: { classes: [{ name: lab, mac: "52:54:00:00:00:99", boot-file: lab.0 }] }
    boot: { root: ./boot, bios: sub/pxelinux.0 }
  beside: { subnet: 198.51.100.0/24, boot: { root: ./boot } }
machines:
  pod1: { kind: namespace, nics: [{ network: own }] }
  pod2: { kind: namespace, nics: [{ network: beside }] }
`;
/** What haneWIN's server has of the same machines. */
const INI = `[DHCPsrv]
Profile0=lab
TFTPEnable=1
TFTPDirectory=C:\\PXE\\boot
[lab]
InterfaceIP=203.0.113.1
SubnetMask=255.255.255.0
BaseIP=203.0.113.100
Range=50
BootFile=sub\\pxelinux.0
`;
const OWN = "192.0.2.1";
const BESIDE = "198.51.100.1";
const IMPORTED = "203.0.113.1";
const LAB = parseMac("52:54:00:00:00:99");

let folder: Folder;
let before: readonly string[];
let after: readonly string[];
let plan: string;
let details: readonly unknown[];
const told: Record<string, ServerReply["message"]> = {};
let fetched: string;

beforeAll(async () => {
  folder = new Folder();
  mkdirSync(folder.join("boot/sub"), { recursive: true });
  folder.write("boot/sub/pxelinux.0", "the loader");
  folder.write("boot/ipxe.efi", "iPXE");
  folder.write("boot/lab.0", "of the lab");
  const file = folder.write("netboot.yaml", FILE);
  const state = ["--state", folder.join("state")];
  before = hostSnapshot();
  plan = await done(["apply", file, ...state]);
  const imported = folder.join("imported.yaml");
  await done(["import", folder.write("DHCPsrv.ini", INI), "--output", imported]);
  await done(["apply", imported, ...state]);
  shell(`ip netns add pc
    ip link add lab0 type veth peer name eth0 netns pc
    ip link set lab0 master lab up
    ip -n pc link set eth0 up`);
  {
    using own = await FirmwareLink.open("pod1");
    using beside = await FirmwareLink.open("pod2");
    const ask = async (link: FirmwareLink, server: string, request: Parameters<typeof bootFrame>[0]) => {
      const [{ message }] = await link.ask(bootFrame(request), [server]);
      return message;
    };
    told["BIOS"] = await ask(own, OWN, { architecture: 0 });
    told["class"] = await ask(own, OWN, { architecture: 0, mac: LAB });
    told["HTTP"] = await ask(own, OWN, { architecture: 16, bootClass: "HTTPClient" });
    using lab = await FirmwareLink.open("pc");
    told["imported"] = await ask(lab, IMPORTED, { architecture: 0 });
    told["BIOS, beside"] = await ask(beside, BESIDE, { architecture: 0, ipxe: true });
    told["UEFI, beside"] = await ask(beside, BESIDE, { architecture: 7 });
  }
  const curl = "nsenter --net=/run/netns/pod1 -- curl --silent --fail --max-time 20";
  fetched = shell(`${curl} tftp://${OWN}/sub/pxelinux.0; echo; ${curl} http://${OWN}/sub/pxelinux.0`);
  const status = JSON.parse(await done(["status", "--json", ...state])) as {
    keeper: { services: { kind: string; details: unknown }[] };
  };
  details = status.keeper.services.filter(({ kind }) => kind === "boot-server").map((service) => service.details);
  shell("ip netns delete pc");
  await done(["destroy", file, ...state]);
  await done(["destroy", imported, ...state]);
  after = hostSnapshot();
});

afterAll(() => {
  folder[Symbol.dispose]();
});

test("the network's DHCP server tells each kind of firmware its file, and a class of the file its own", () => {
  expect(told["BIOS"]).toMatchObject({ bootFile: "sub/pxelinux.0", nextServerAddress: OWN });
  expect(told["BIOS"]?.yourAddress).toMatch(/^192\.0\.2\.\d+$/);
  expect(told["class"]).toMatchObject({ bootFile: "lab.0", nextServerAddress: OWN });
  expect(told["HTTP"]).toMatchObject({ bootFile: `http://${OWN}/ipxe.efi` });
});

test("what was imported from haneWIN gives addresses of its range and its boot file, from the folder of that name", () => {
  expect(told["imported"]).toMatchObject({ bootFile: "sub/pxelinux.0", nextServerAddress: IMPORTED });
  expect(told["imported"]?.yourAddress).toMatch(/^203\.0\.113\.1[0-4]\d$/);
});

test("without dhcp machines are told their files and no address", () => {
  expect(plan).toContain("network beside has no dhcp");
  const nothing = { yourAddress: "0.0.0.0", nextServerAddress: BESIDE };
  expect(told["BIOS, beside"]).toMatchObject({ ...nothing, bootFile: "sub/pxelinux.0" });
  expect(told["UEFI, beside"]).toMatchObject({ ...nothing, bootFile: "ipxe.efi" });
});

test("the files are there by TFTP and HTTP, and status tells of each network", () => {
  expect(fetched).toBe("the loader\nthe loader");
  expect(details).toHaveLength(3);
  for (const each of [
    expect.objectContaining({
      network: "netboot/own",
      fetched: 2,
      failed: 0,
      latest: expect.stringMatching(/pxelinux/),
    }),
    expect.objectContaining({ network: "netboot/beside", fetched: 0, asked: 2 }),
    expect.objectContaining({ network: "imported/lab", fetched: 0, failed: 0 }),
  ])
    expect(details).toContainEqual(each);
});

test("destroy leaves nothing", () => expect(after).toEqual(before));
