import { expect, test } from "vitest";
import { pathParts } from "../../../src/services/netboot/path-parts.ts";

test.each([
  ["/", []],
  ["/a//./b", ["a", "b"]],
  ["/Debian%2012%20%C3%BC/vmlinuz", ["Debian 12 ü", "vmlinuz"]],
  ["/Debian%2012%20%FFFFFFC3%FFFFFFBC/vmlinuz", ["Debian 12 ü", "vmlinuz"]],
  ["/Debian%2012%20%ffffffc3%ffffffbc/vmlinuz", ["Debian 12 ü", "vmlinuz"]],
])("%s", (path, parts) => {
  expect(pathParts(path)).toEqual(parts);
});

test.each([
  ["a way up", "/a/../b"],
  ["an encoded way up", "/a/%2e%2e/b"],
  ["an encoded way up, from the root", "/%2e%2e%2fb"],
  ["a way up with signs, which only bytes above 127 have", "/a/%FFFFFF2e%FFFFFF2e/b"],
  ["a zero", "/a%00"],
  ["half a character", "/%C3"],
  ["half an escape", "/%"],
])("%s is refused", (_, path) => {
  expect(pathParts(path)).toBeUndefined();
});
