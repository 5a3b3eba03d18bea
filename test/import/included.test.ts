/** Files that a configuration includes. */
import { describe, expect, test } from "vitest";
import { NetloomError } from "../../src/base/errors.ts";
import { type Format, importConfiguration, type Imported } from "../../src/import/import.ts";
import type { Files } from "../../src/import/included.ts";
import type { PlainMap } from "../../src/model/document.ts";
import { inSubnet } from "./text.ts";

describe("included files", () => {
  const files = (texts: Readonly<Record<string, string>>): Files => ({
    name: "main",
    read(path) {
      const text = texts[path];
      if (text === undefined) throw new NetloomError("bad-file", `${path}: no such file`);
      return { name: path, text };
    },
    list: (path) => Object.keys(texts).filter((name) => name.startsWith(`${path}/`)),
  });
  const imported = (text: string, texts: Readonly<Record<string, string>>, format: Format = "dhcpd"): Imported =>
    importConfiguration(text, "main", { format, files: files(texts) });
  const toldOf = ({ problems }: Imported): string[] =>
    problems.map(({ file, line, reason }) => `${file ?? "main"}:${line}: ${reason}`);

  test("of dhcpd are read where they stand, and told by their own names and lines", () => {
    const result = imported(inSubnet('include "a";'), { a: 'option domain-name "x";\ninclude "b";', b: "\nwrong 1;" });
    expect(result.file?.text).toContain("domain-name: x");
    expect(toldOf(result)).toEqual(["b:2: this is no statement that netloom knows here"]);
  });

  test("of dnsmasq: files, folders, and files of hosts and options", () => {
    const text = `dhcp-range=192.0.2.10,192.0.2.20,255.255.255.0
conf-file=a
conf-dir=d,*.conf
conf-dir=e,.bak
dhcp-hostsfile=hosts
dhcp-optsdir=o`;
    const result = imported(
      text,
      {
        a: "dhcp-option=42,192.0.2.1",
        "d/b.conf": "dhcp-option=15,b",
        "d/.c.conf": "dhcp-option=16,c",
        "d/c": "dhcp-option=17,c",
        "e/e.bak": "dhcp-option=18,c",
        "e/f": "wrong",
        hosts: "# a comment\n52:54:00:00:00:01,192.0.2.5\n",
        "o/x": "option:router,192.0.2.9",
      },
      "dnsmasq",
    );
    const networks = result.file?.content["networks"] as Record<string, PlainMap> | undefined;
    const lan = networks?.["lan"];
    expect(lan?.["dhcp"]).toMatchObject({
      options: { "ntp-servers": ["192.0.2.1"], "domain-name": "b", routers: ["192.0.2.9"] },
      hosts: [{ mac: "52:54:00:00:00:01", address: "192.0.2.5" }],
    });
    expect(lan?.["dhcp"]).not.toHaveProperty("options.root-path");
    expect(toldOf(result)).toContain("e/f:1: this is no setting that netloom knows");
  });

  test("cycles, depth, size, and what cannot be read are told", () => {
    expect(toldOf(imported('include "a";', { a: 'include "b";', b: 'include "a";' }))).toEqual([
      "b:1: the file includes itself",
    ]);
    const chain = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, `include "f${i + 1}";`]));
    expect(toldOf(imported('include "f0";', chain))).toEqual([
      "f7:1: more than 8 files within each other, or 500 in all",
    ]);
    expect(toldOf(imported('include "a"; include "b";', { a: "", b: " ".repeat(5_000_000) }))).toEqual([
      "main:1: the files together are larger than 4 MiB",
    ]);
    expect(toldOf(imported('include "gone";', {}))).toEqual(["main:1: gone: no such file"]);
    expect(toldOf(imported("conf-file=a\n", { a: "conf-file=a" }, "dnsmasq"))).toEqual([
      "a:1: the file includes itself",
    ]);
  });
});
