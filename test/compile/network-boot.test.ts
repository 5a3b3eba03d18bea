/** A network's boot files: what each kind of firmware is told, and the server of the files. */
import { describe, expect, test } from "vitest";
import { toHex, utf8Encode } from "../../src/base/bytes.ts";
import type { BootFolder } from "../../src/compile/facts.ts";
import { qualifyKeys } from "../../src/compile/qualify.ts";
import type { Facts } from "../../src/compile/facts.ts";
import type { NetworkDhcpObject } from "../../src/state/object/network-dhcp.ts";
import { byKey, compiled, HOST } from "./host.ts";

const PXELINUX = { loader: "pxelinux.0", ipxe: "pxelinux.0" };
const FOUND: BootFolder = {
  missing: [],
  ipxeLoaders: [],
  files: { bios: PXELINUX, "efi-arm64": { loader: "bootaa64.efi", httpFile: "bootaa64.efi" } },
};

const host = (folder: BootFolder): Facts => ({ ...HOST, bootFolders: { lan: folder } });
const lan = (boot: string, dhcp = "true"): string =>
  `version: 1\nnetworks:\n  lan: { subnet: 192.0.2.0/24, dhcp: ${dhcp}, boot: ${boot} }\n`;

function dhcpOf(text: string, folder = FOUND): NetworkDhcpObject {
  const found = byKey(compiled(text, host(folder))).get("dhcp/lan");
  if (found?.kind !== "dhcp-network") throw new Error("no DHCP server");
  return found;
}

/** By class: the file in the message's own field, else in option 67. */
function told(text: string, folder = FOUND): Record<string, string | undefined> {
  return Object.fromEntries(dhcpOf(text, folder).classes.map(({ name, bootFile }) => [name, bootFile]));
}

test("files and share are served on the gateway's address", () => {
  const result = compiled(lan("{ root: ./boot, share: winpe }"), host(FOUND));
  const server = byKey({ ...result, desired: qualifyKeys(result.desired, "office") }).get("office/boot/lan");
  expect(server).toEqual({
    kind: "boot-server",
    key: "office/boot/lan",
    origin: "network lan",
    namespace: "",
    linkKey: "office/link/lan",
    interfaceName: "lan",
    network: "office/lan",
    address: "192.0.2.1",
    root: "/srv/boot",
    share: "winpe",
  });
});

test("without dhcp machines are told beside the DHCP server of somebody else", () => {
  const result = compiled(lan("{ root: /boot, uefi: shimx64.efi }", "false"), host(FOUND));
  expect(byKey(result).get("boot/lan")).toMatchObject({ named: { uefi: "shimx64.efi" }, proxy: true });
  expect(byKey(result).has("dhcp/lan")).toBe(false);
  expect(result.notes).toContainEqual(expect.stringMatching(/^network lan has no dhcp: .*another DHCP server/));
});

describe("the DHCP server's classes", () => {
  test("say what the folder has, and what the file names in its place", () => {
    expect(told(lan("{ root: /boot, uefi: EFI/shimx64.efi }"))).toEqual({
      "iPXE bios": "pxelinux.0",
      "iPXE efi-x64": "EFI/shimx64.efi",
      "iPXE efi-arm64": "",
      "PXEClient bios": "pxelinux.0",
      "PXEClient efi-x64": "EFI/shimx64.efi",
      "PXEClient efi-arm64": "bootaa64.efi",
      "HTTPClient efi-x64": "http://192.0.2.1/EFI/shimx64.efi",
      "HTTPClient efi-arm64": "http://192.0.2.1/bootaa64.efi",
    });
  });

  test("give iPXE the script, and never iPXE again", () => {
    const empty: BootFolder = { missing: [], files: {}, ipxeLoaders: ["own/netboot.efi"] };
    expect(told(lan("{ root: /boot, bios: netboot.xyz.kpxe }"), empty)).toMatchObject({ "iPXE bios": "" });
    expect(told(lan("{ root: /boot, uefi: own/Netboot.efi }"), empty)).toMatchObject({ "iPXE efi-x64": "" });
    expect(told(lan("{ root: /boot, bios: undionly.kpxe }"), empty)).toMatchObject({ "iPXE bios": "" });
    expect(told(lan("{ root: /boot, bios: undionly.kpxe, ipxe: boot.ipxe }"), empty)).toMatchObject({
      "iPXE bios": "http://192.0.2.1/boot.ipxe",
      "PXEClient bios": "undionly.kpxe",
    });
  });

  test("come behind those of the file, whose boot file stands in the option as well", () => {
    const dhcp = `{ hosts: [{ mac: "52:54:00:00:00:10", boot-file: own.0, next-server: 192.0.2.7 }, { mac: "52:54:00:00:00:11" }],
      classes: [{ name: lab, mac: "00:50:56", boot-file: lab.0 }] }`;
    const { classes, hosts } = dhcpOf(lan("{ root: /boot }", dhcp));
    expect(classes[0]).toEqual({
      name: "lab",
      macPrefix: "00:50:56",
      bootFile: "lab.0",
      bootUrl: "http://192.0.2.1/lab.0",
      nextServer: "192.0.2.1",
      options: [
        { code: 67, hex: toHex(utf8Encode("lab.0")) },
        { code: 66, hex: toHex(utf8Encode("192.0.2.1")) },
      ],
    });
    expect(hosts.map(({ options }) => options)).toEqual([
      [
        { code: 67, hex: toHex(utf8Encode("own.0")) },
        { code: 66, hex: toHex(utf8Encode("192.0.2.7")) },
      ],
      [],
    ]);
  });

  test("name a file of the folder by its address where firmware boots by HTTP, and no file of another machine", () => {
    const dhcp = `{ hosts: [{ mac: "52:54:00:00:00:10", boot-file: teacher/t 1.efi },
      { mac: "52:54:00:00:00:11", boot-file: x.efi, next-server: 192.0.2.7 },
      { mac: "52:54:00:00:00:12", boot-file: "https://example.org/x.efi" },
      { mac: "52:54:00:00:00:13", boot-file: "tftp://192.0.2.7/x.efi" },
      { mac: "52:54:00:00:00:14", boot-file: x.efi, next-server: 192.0.2.1 }] }`;
    expect(dhcpOf(lan("{ root: /boot }", dhcp)).hosts.map((host) => host.bootUrl)).toEqual([
      "http://192.0.2.1/teacher/t%201.efi",
      undefined,
      "https://example.org/x.efi",
      undefined,
      "http://192.0.2.1/x.efi",
    ]);
    const elsewhere = `{ next-server: 192.0.2.7, hosts: [{ mac: "52:54:00:00:00:10", boot-file: x.efi }] }`;
    expect(dhcpOf(lan("{ root: /boot }", elsewhere)).hosts[0]).not.toHaveProperty("bootUrl");
  });

  test("let no host, class or section of the file give iPXE to iPXE", () => {
    const folder: BootFolder = { ...FOUND, ipxeLoaders: ["own/netboot.efi"] };
    const text = (boot: string): string =>
      `version: 1\nnetworks:\n  lan: { subnet: 192.0.2.0/24, ${boot} dhcp: { boot-file: ipxe.pxe,
        hosts: [{ mac: "52:54:00:00:00:10", boot-file: undionly.kpxe }, { mac: "52:54:00:00:00:11", boot-file: own/Netboot.efi },
          { mac: "52:54:00:00:00:12", boot-file: pxelinux.0 }],
        classes: [{ name: lab, mac: "00:50:56", boot-file: snponly.efi }, { name: more, user: iPXE, boot-file: ipxe.efi }],
        relayed: [{ subnet: 198.51.100.0/24, router: 198.51.100.1, range: 198.51.100.10-198.51.100.20, boot-file: netboot.xyz.kpxe }] } }\n`;
    const marked = (declared: string): (true | undefined)[] => {
      const { bootsIpxe, hosts, classes, furtherSubnets = [] } = dhcpOf(text(declared), folder);
      return [bootsIpxe, ...[...hosts, ...classes.slice(0, 2), ...furtherSubnets].map((each) => each.bootsIpxe)];
    };
    expect(marked("boot: { root: /boot },")).toEqual([true, true, true, undefined, true, undefined, true]);
    expect(new Set(marked(""))).toEqual(new Set([undefined]));
  });

  test("are not there without boot files", () => {
    const text = "version: 1\nnetworks:\n  lan: { subnet: 192.0.2.0/24, dhcp: true }\n";
    expect(dhcpOf(text).classes).toEqual([]);
  });
});

describe("this host", () => {
  const problems = (text: string, folder: BootFolder): string => {
    try {
      compiled(text, host(folder));
    } catch (error) {
      return String(error);
    }
    return "";
  };

  test("has no such folder", () => {
    const fault = "there is no such folder, or it cannot be read";
    expect(
      problems(lan("{ root: ./gone, bios: a }"), {
        fault,
        missing: ["a"],
        files: {},
        ipxeLoaders: [],
      }),
    ).toBe(
      `PlanningError: plan office.yaml: 1 problem on this host
office.yaml:3:58: networks.lan.boot.root: ${fault} (is "/srv/gone")
    check the path; a relative one starts at the network file's folder`,
    );
  });

  test("has no such file in the folder", () => {
    const text = lan("{ root: /b, bios: a.0, uefi: b.efi }");
    expect(problems(text, { missing: ["b.efi"], files: {}, ipxeLoaders: [] })).toMatch(
      /1 problem .*\n.*boot\.uefi: there is no such file in \/b, or it cannot be read \(is "b\.efi"\)/,
    );
  });

  test("has no such file for a host or a class, if it is not another machine that has it", () => {
    const dhcp = `{ hosts: [{ mac: "52:54:00:00:00:10", boot-file: typo.efi },
      { mac: "52:54:00:00:00:11", boot-file: typo.efi, next-server: 192.0.2.7 }], classes: [{ name: lab, mac: "00:50:56", boot-file: lab.0 }] }`;
    const told = problems(lan("{ root: /b }", dhcp), { ...FOUND, missing: ["typo.efi", "lab.0"] });
    expect(told).toMatch(/2 problems /);
    expect(told).toMatch(
      /office\.yaml:3:\d\d+: networks\.lan\.dhcp\.hosts\[0\]\.boot-file: there is no such file in \/b, or it cannot be read \(is "typo\.efi"\)/,
    );
    expect(told).toMatch(/classes\[0\]\.boot-file: there is no such file in \/b, .*\(is "lab\.0"\)/);
    expect(problems(lan("{ root: /b }", dhcp), FOUND)).toBe("");
  });

  test("has nothing in the folder that boots", () => {
    expect(problems(lan("{ root: /b }"), { missing: [], files: {}, ipxeLoaders: [] })).toMatch(
      /boot\.root: has nothing in it/,
    );
  });
});
