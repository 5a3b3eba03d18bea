import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNamespace, deleteNamespace } from "../../../src/kernel/native.ts";
import { nft } from "../../../src/kernel/nft.ts";
import { assertSameDescriptors, openDescriptors, rejectionOf } from "./support.ts";

const namespacePath = "/run/netns/nft-test";
const TABLE = `table bridge example {
	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname "tap0" ether type ip udp dport { 67, 68 } counter drop
	}
}
`;
const descriptors = openDescriptors();

beforeAll(() => {
  createNamespace("nft-test");
});

afterAll(async () => {
  deleteNamespace("nft-test");
  await assertSameDescriptors(descriptors);
});

test("a table is loaded into the namespace that is named, listed as by nft itself, and deleted", async () => {
  expect(await nft(TABLE, { namespacePath })).toBe("");
  const asked = { namespacePath, stateless: true };
  const listing = await nft("list table bridge example", asked);
  expect(listing).toBe(
    execFileSync("nsenter", [`--net=${namespacePath}`, "nft", "-s", "list", "table", "bridge", "example"], {
      encoding: "utf8",
    }),
  );
  expect(listing).toContain("udp dport { 67, 68 } counter drop");
  expect(await nft("list tables")).not.toContain("example");
  await nft("delete table bridge example", { namespacePath });
  expect(await nft("list ruleset", { namespacePath })).toBe("");
});

test("a listing as JSON names the tables", async () => {
  await nft(TABLE, { namespacePath });
  const listing = JSON.parse(await nft("list tables", { namespacePath, json: true })) as {
    nftables: { table?: { family: string; name: string } }[];
  };
  const [table] = listing.nftables.flatMap(({ table }) => table ?? []);
  expect(table?.family).toBe("bridge");
  expect(table?.name).toBe("example");
  await nft("delete table bridge example", { namespacePath });
});

test("what is only checked changes nothing", async () => {
  await nft(TABLE, { namespacePath, check: true });
  expect(await nft("list ruleset", { namespacePath })).toBe("");
});

test("what nft refuses is told in its words, and none of it is done", async () => {
  const refusal = await rejectionOf(nft(`${TABLE}delete table ip absent\n`, { namespacePath }));
  expect(refusal).toMatchObject({ code: "command-failed" });
  expect(String(refusal)).toContain("No such file or directory");
  const mistake = await rejectionOf(nft("table bridge {", { namespacePath }));
  expect(String(mistake)).toContain("syntax error");
  expect(await nft("list ruleset", { namespacePath })).toBe("");
});

test("many at once in several namespaces do not mix", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `t${i}`);
  await Promise.all(names.map((name, i) => nft(`table ip ${name} {}`, i % 2 === 0 ? { namespacePath } : {})));
  const [there, here] = await Promise.all([nft("list tables", { namespacePath }), nft("list tables")]);
  const listed = (text: string): string[] => Array.from(text.matchAll(/^table ip (t\d+)$/gm), ([, name]) => name!);
  expect(listed(there).sort()).toEqual(names.filter((_, i) => i % 2 === 0).sort());
  expect(listed(here).sort()).toEqual(names.filter((_, i) => i % 2 === 1).sort());
  await nft(
    names
      .filter((_, i) => i % 2 === 1)
      .map((name) => `delete table ip ${name}\n`)
      .join(""),
  );
});
