import { describe, expect, test } from "vitest";
import { interfaceNameFault, resolvePath } from "../../src/model/names.ts";
import { nearest } from "../../src/model/suggest.ts";

describe("interface names", () => {
  test.each(["lan", "br-office", "eth0.100", "exactly15bytes_"])("%s is accepted", (name) => {
    expect(interfaceNameFault(name)).toBeUndefined();
  });

  test.each([
    "",
    "sixteen-bytes-xx",
    "a/b",
    "a b",
    "a:b",
    ".",
    "..",
    "all",
    "default",
    "lo",
    "br%d",
    "ü",
    "eth*",
    "-a",
  ])("%j is refused", (name) => {
    expect(interfaceNameFault(name)).toBeDefined();
  });
});

test.each([
  ["/srv", "disk.img", "/srv/disk.img"],
  ["/srv", "./a/../disk.img", "/srv/disk.img"],
  ["/srv", "../../../disk.img", "/disk.img"],
  ["/srv", "/disk.img", "/disk.img"],
])("from %s, %s is %s", (folder, path, absolute) => {
  expect(resolvePath(folder, path)).toBe(absolute);
});

test.each([
  ["netwrok", "network"],
  ["newtork", "network"],
  ["machine", "machines"],
  ["Networks", "networks"],
])("%s was meant as %s", (text, word) => {
  expect(nearest(text, ["network", "networks", "machines", "version"])).toBe(word);
});

test("a word that is like none has no suggestion", () => {
  expect(nearest("volumes", ["network", "machines"])).toBeUndefined();
});
