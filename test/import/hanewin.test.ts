/**
 * DHCPsrv.ini of haneWIN. Beside the one in files/ stands what is made of it (.yaml) and what is told (.told);
 * NETLOOM_WRITE=1 writes both anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Ipv4Prefix, parsePrefix } from "../../src/base/address.ts";
import { importConfiguration, type ImportChoices } from "../../src/import/import.ts";
import { formatProblem } from "../../src/import/problem.ts";
import type { PlainMap } from "../../src/model/document.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";

const FILES = join(import.meta.dirname, "files");

function compare(name: string, actual: string): void {
  const path = join(FILES, name);
  if (process.env["NETLOOM_WRITE"] === "1") writeFileSync(path, actual);
  expect(actual).toBe(readFileSync(path, "utf8"));
}

test("a whole file with two interfaces", () => {
  const name = "classroom-hanewin.ini";
  const imported = importConfiguration(readFileSync(join(FILES, name), "utf8"), name);
  expect(imported.format).toBe("hanewin");
  compare("classroom-hanewin.yaml", imported.file?.text ?? "");
  compare("classroom-hanewin.told", `${imported.problems.map((each) => formatProblem(name, each)).join("\n")}\n`);
  // The program's own reader takes it.
  const model = parseNetworkFile(imported.file!.text, "imported.yaml", { folder: "/" });
  expect(model.networks.map(({ gateway }) => gateway)).toEqual(["192.168.10.2", "10.20.0.1"]);
});

const read = (text: string, choices: ImportChoices = {}) => {
  const imported = importConfiguration(text, "DHCPsrv.ini", { format: "hanewin", ...choices });
  const networks = (imported.file?.content["networks"] ?? {}) as Record<string, PlainMap>;
  return { networks, told: imported.problems.map(({ line, reason }) => `${line}: ${reason}`) };
};

const PROFILE = "[a]\nInterfaceIP=192.0.2.1\nSubnetMask=255.255.255.0\nBaseIP=192.0.2.10\nRange=11";

describe("one interface", () => {
  test("the range is a number of addresses, the last one included", () => {
    expect(read(`[x]\nProfile0=A\n${PROFILE}`)).toEqual({
      networks: {
        a: { subnet: "192.0.2.0/24", gateway: "192.0.2.1", dhcp: { range: "192.0.2.10-192.0.2.20" } },
      },
      told: [],
    });
  });

  test("what is left out is guessed, and told", () => {
    const { networks, told } = read("[a]\nBaseIP=192.0.2.1\nGatewayIP=192.0.2.2\nRange=1");
    expect(networks).toMatchObject({
      a: {
        subnet: "192.0.2.0/24",
        gateway: "192.0.2.3",
        dhcp: { range: "192.0.2.1-192.0.2.1", options: { routers: ["192.0.2.2"] } },
      },
    });
    expect(told).toEqual([
      "1: it does not say which address the server itself has; 192.0.2.3 is taken for it",
      "2: no SubnetMask stands beside it; length 24 is taken",
    ]);
  });

  test("the boot file comes from the server itself, unless its TFTP server is off", () => {
    const boots = read(`TFTPEnable=1\n${PROFILE}\nBootFile=boot\\pxeboot.0`).networks;
    expect(boots).toMatchObject({ a: { dhcp: { "boot-file": "boot/pxeboot.0", "next-server": "192.0.2.1" } } });
    const elsewhere = read(`TFTPEnable=0\n${PROFILE}\nBootFile=x`).networks["a"]?.["dhcp"];
    expect(elsewhere).toEqual({ range: "192.0.2.10-192.0.2.20", "boot-file": "x" });
  });

  test("its folder becomes the network's, and the boot file that of the firmware that it is for", () => {
    const bootOf = (file: string) => {
      const { networks, told } = read(`TFTPDirectory=D:\\My PXE\\\n${PROFILE}\nBootFile=${file}`);
      expect(told[0]).toBe("1: it is a folder of that machine");
      expect(networks["a"]?.["dhcp"]).toEqual({ range: "192.0.2.10-192.0.2.20" });
      return { boot: networks["a"]?.["boot"], told: told.slice(1) };
    };
    expect(bootOf("pxelinux.0")).toEqual({ boot: { root: "./My-PXE", bios: "pxelinux.0" }, told: [] });
    expect(bootOf("EFI\\Boot\\bootx64.EFI")).toMatchObject({ boot: { uefi: "EFI/Boot/bootx64.EFI" } });
    expect(bootOf("..\\x")).toEqual({
      boot: { root: "./My-PXE" },
      told: [expect.stringContaining("not a plain path")],
    });
  });

  test("name servers, the boot server and options in numbers, as the program itself writes them", () => {
    const options = "43 5 6 1 8 255 0 15 3 108 97 98 3 4 192 0 2 9";
    const keys = `GatewayIP=192.0.2.1\nDNS1IP=192.0.2.53\nDNS2IP=198.51.100.53\nNextIP=192.0.2.1\nBootName=pxe`;
    const text = `${PROFILE}\n${keys}\nUseOpt=1\nDefaultOptions=${options}\nSendOptions=43\n[DHCPsrv]\nProfile0=a\nUsed=1`;
    const { networks, told } = read(text);
    expect(networks["a"]?.["dhcp"]).toEqual({
      range: "192.0.2.10-192.0.2.20",
      options: {
        routers: ["192.0.2.1"],
        "domain-name-servers": ["192.0.2.53", "198.51.100.53"],
        "domain-name": "lab",
        "43": { hex: "060108ff00" },
      },
      "next-server": "192.0.2.1",
      "server-name": "pxe",
    });
    expect(told).toEqual(["13: clients are told the options that they ask for"]);
    for (const wrong of ["43", "43 2 1", "43 1 256", "a 1 1", "43 1 -1"])
      expect(read(`${PROFILE}\nDefaultOptions=${wrong}`).told).toEqual(["6: they are no options in decimal numbers"]);
    const some = read(`${PROFILE}\nDefaultOptions=53 1 1 42 4 192 0 2 9 0 0`);
    expect(some.networks["a"]?.["dhcp"]).toMatchObject({ options: { "ntp-servers": ["192.0.2.9"] } });
    expect(some.told).toHaveLength(2);
    const served = read(`TFTPDirectory=a\n${PROFILE}\nNextIP=192.0.2.1`).networks["a"];
    expect(served?.["dhcp"]).toEqual({ range: "192.0.2.10-192.0.2.20" });
  });

  test("no addresses at all, or a wrong number of them: known hosts alone", () => {
    for (const range of ["0", "many", "99999999999"]) {
      const { networks, told } = read(PROFILE.replace("Range=11", `Range=${range}`));
      expect(networks).toMatchObject({ a: { dhcp: { range: [], "known-only": true } } });
      expect(told).toHaveLength(1);
    }
  });

  test("what the network file refuses is left out and told with its line", () => {
    const { networks, told } = read(PROFILE.replace("Range=11", "Range=300"));
    expect(networks).toMatchObject({ a: { dhcp: { range: [] } } });
    expect(told).toEqual([expect.stringMatching(/^5: .*192\.0\.3\.53/)]);
  });

  test("wrong addresses and masks are told", () => {
    expect(read("[a]\nBaseIP=192.0.2\nRange=1").told).toEqual([
      "1: it does not say from where addresses are given",
      '2: "192.0.2" is not an IPv4 address',
    ]);
    expect(read(PROFILE.replace("255.255.255.0", "255.0.255.0")).told).toEqual(["3: it is no netmask"]);
  });
});

describe("several interfaces", () => {
  const SECOND = "[b]\nInterfaceIP=198.51.100.1\nSubnetMask=255.255.255.0\nBaseIP=198.51.100.10\nRange=11";

  test("a profile with a name that no interface can have makes a network of another name", () => {
    const { networks, told } = read(`[x]\nProfile0=default\n${PROFILE.replace(/^\[.*\]/m, "[default]")}`);
    expect(Object.keys(networks)).toEqual(["lan"]);
    expect(told.join("\n")).not.toContain("default");
  });

  test("are those that the profiles name", () => {
    const { networks, told } = read(`Profile0=b\nProfile1=gone\n${PROFILE}\n${SECOND}`);
    expect(Object.keys(networks)).toEqual(["b"]);
    expect(told).toEqual(["2: there is no section [gone]", "3: no profile names this section"]);
  });

  test("or those that the server is bound to", () => {
    const { networks, told } = read(`Include=198.51.100.1\n${PROFILE}\n${SECOND}`);
    expect(Object.keys(networks)).toEqual(["b"]);
    expect(told).toEqual(["2: its address 192.0.2.1 is not among those of Include"]);
  });

  test("behind relay agents with a link", () => {
    const link = parsePrefix("192.0.2.0/24") as Ipv4Prefix;
    expect(read(`${PROFILE}\n${SECOND}\nGatewayIP=198.51.100.9`, { link }).networks).toMatchObject({
      a: { dhcp: { relayed: [{ subnet: "198.51.100.0/24", range: "198.51.100.10-198.51.100.20" }] } },
    });
  });

  test("that boot other files than the one on the link are told of it", () => {
    const link = parsePrefix("192.0.2.0/24") as Ipv4Prefix;
    const text = `TFTPDirectory=a\n${PROFILE}\nBootFile=a.0\n${SECOND}\nBootFile=b.0`;
    const { networks, told } = read(text, { link });
    expect(networks).toMatchObject({ a: { boot: { root: "./a", bios: "a.0" } } });
    expect(told.slice(1)).toEqual(["13: all clients of a network have one boot file"]);
  });
});

test("each key that is not taken is told, once and with its line; those that ask for what netloom does are not", () => {
  const keys = "TFTPDirectory=\nTFTPPort=69\nMulticast=0\nTestIP=0\nChangeIP=1\nSomething=1\nno key\nInclude=0";
  expect(read(`${keys}\n${PROFILE}`).told).toEqual([
    "4: netloom always asks whether an address of a range is in use before it offers it",
    "6: this is no setting that netloom knows",
    "7: it is neither a section nor a key with its value",
  ]);
});

test("another program's file of the same name is told to be that, in one line", () => {
  const text =
    "[SETTINGS]\nIPPOOL_1=192.0.2.1-50\nIPBIND_1=192.0.2.1\n[GENERAL]\nLEASETIME=86400\nSUBNETMASK=255.255.255.0\n";
  const { format, file, problems } = importConfiguration(text, "dhcpsrv.ini");
  expect([format, file, problems.map(({ line, reason }) => `${line}: ${reason}`)]).toEqual([
    "hanewin",
    undefined,
    ["2: this dhcpsrv.ini is not haneWIN's but that of DHCP Server for Windows, which is not read"],
  ]);
});

test("a file without an interface makes no network file", () => {
  for (const text of ["", "[a]\n", "TFTPEnable=1", "[]\n=\n[", "\u0000[\u0000]=;"])
    expect(read(text).networks).toEqual({});
});
