import { describe, expect, test } from "vitest";
import { parseFileName } from "../../../src/protocol/tftp/file-name.ts";
import { negotiate, type TftpLimits } from "../../../src/protocol/tftp/options.ts";

const LIMITS: TftpLimits = { mtuBytes: 1500, family: 4, windowBlocks: 64, windowBytes: 1 << 20 };

const accepted = (
  options: Readonly<Record<string, string>>,
  { limits = LIMITS, kind = "read" }: { readonly limits?: TftpLimits; readonly kind?: "read" | "write" } = {},
) => {
  const request = { kind, file: "x", mode: "octet", options: new Map(Object.entries(options)) } as const;
  return negotiate(request, limits, kind === "read" ? 1000 : undefined);
};

describe("options", () => {
  test.each<[string, Readonly<Record<string, string>>, Readonly<Record<string, string>>]>([
    ["none", {}, {}],
    ["unknown ones are left out (RFC 2347)", { multicast: "", utimeout: "5" }, {}],
    ["blksize (RFC 2348)", { blksize: "1024" }, { blksize: "1024" }],
    ["blksize larger than the path carries", { blksize: "8192" }, { blksize: "1468" }],
    ["blksize 7", { blksize: "7" }, {}],
    ["blksize that is no number", { blksize: "0x200" }, {}],
    ["timeout (RFC 2349)", { timeout: "255" }, { timeout: "255" }],
    ["timeout 0 and 256", { timeout: "256" }, {}],
    ["tsize of what is read", { tsize: "0" }, { tsize: "1000" }],
    ["windowsize (RFC 7440)", { windowsize: "16" }, { windowsize: "16" }],
    ["windowsize larger than we keep", { windowsize: "65535" }, { windowsize: "64" }],
    ["windowsize 0", { windowsize: "0" }, {}],
    ["rollover", { rollover: "1" }, { rollover: "1" }],
  ])("%s", (_, asked, granted) => {
    expect(Object.fromEntries(accepted(asked).accepted)).toEqual(granted);
  });

  test("without blksize a block has 512 bytes, without windowsize a window has one", () => {
    expect(accepted({ tsize: "0" })).toMatchObject({ blockBytes: 512, windowBlocks: 1, rollover: 0 });
  });

  test("IPv6 leaves 20 bytes less, a jumbo link more, at most 65464", () => {
    expect(accepted({ blksize: "9000" }, { limits: { ...LIMITS, family: 6 } }).blockBytes).toBe(1448);
    expect(accepted({ blksize: "65464" }, { limits: { ...LIMITS, mtuBytes: 9000 } }).blockBytes).toBe(8968);
    expect(accepted({ blksize: "99999" }, { limits: { ...LIMITS, mtuBytes: 65_536 } }).blockBytes).toBe(65_464);
  });

  test("a window of large blocks keeps to the bytes that it may have", () => {
    const limits = { ...LIMITS, mtuBytes: 65_536 };
    expect(accepted({ blksize: "65464", windowsize: "64" }, { limits }).windowBlocks).toBe(16);
  });

  test("a size that is not known is not told; a writer's is repeated", () => {
    const written = accepted({ tsize: "77" }, { kind: "write" });
    expect([written.accepted.get("tsize"), written.announcedBytes]).toEqual(["77", 77]);
    const request = { kind: "read", file: "x", mode: "netascii", options: new Map([["tsize", "0"]]) } as const;
    expect(negotiate(request, LIMITS, undefined).accepted.size).toBe(0);
    expect(negotiate(request, LIMITS, 0).accepted.size).toBe(0);
  });
});

describe("names of files", () => {
  test.each<[string, readonly string[] | undefined]>([
    ["pxelinux.0", ["pxelinux.0"]],
    ["/pxelinux.cfg//default", ["pxelinux.cfg", "default"]],
    ["\\Boot\\BCD", ["Boot", "BCD"]],
    ["./a/./b", ["a", "b"]],
    ["%2e%2e/%2fetc/passwd", ["%2e%2e", "%2fetc", "passwd"]],
    ["...", ["..."]],
    ["\u00c3\u00a4", ["ä"]],
    ["../etc/passwd", undefined],
    ["a/../b", undefined],
    ["..\\..\\windows", undefined],
    ["a/..", undefined],
    ["/", undefined],
    [".", undefined],
    ["a\nb", undefined],
    ["\u00ff\u00fe", undefined],
    [".netloom-upload-1", undefined],
  ])("%j", (name, parts) => {
    expect(parseFileName(name)).toEqual(parts);
  });
});
