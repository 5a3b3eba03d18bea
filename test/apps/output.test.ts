import { expect, test, vi } from "vitest";
import { complain, formatTable } from "../../src/apps/cli/output.ts";

test("columns are as wide as their widest cell, however many rows there are", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i), "x"]);
  const lines = formatTable([["ADDRESS", "MAC"], ...rows]).split("\n");
  expect(lines).toHaveLength(200_001);
  expect([lines[0], lines[1]]).toEqual(["ADDRESS  MAC", "0        x"]);
});

test("what a file or a client has written cannot steer the terminal of who reads a complaint", () => {
  using write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  complain("leases.csv:2: \u001b]0;title\u0007\u001b[2J\u009b5m\rweb: this is no lease");
  expect(write).toHaveBeenCalledWith("leases.csv:2: ]0;title5mweb: this is no lease\n");
});
