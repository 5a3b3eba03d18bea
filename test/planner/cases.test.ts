/**
 * Planner cases: a folder each in test/plan-cases with what is there (current.yaml), what is wanted
 * (desired.yaml), what is known (record.yaml, pending.yaml, both optional), and the plan that a person has read
 * and found right (plan.txt). `UPDATE_PLAN_CASES=1` writes the plans anew; read the difference before keeping it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { plan, type Plan } from "../../src/planner/plan.ts";
import type { Desired } from "../../src/state/desired.ts";
import { nameOf, type StateObject } from "../../src/state/object.ts";
import type { ObservedNamespace, Snapshot } from "../../src/state/snapshot.ts";
import type { OwnedObject, OwnershipRecord, Step } from "../../src/state/step.ts";
import { FakeKernel } from "./fake-kernel.ts";
import { withPrefixRoutes } from "./prefix-routes.ts";

const CASES = new URL("../plan-cases/", import.meta.url);

/** Files leave out what is empty or usual, and the routes that the kernel derives from addresses. */
interface CurrentFile {
  readonly namespaces: Readonly<Record<string, Partial<ObservedNamespace> | null>>;
  readonly files?: Snapshot["files"];
}

function read(name: string, file: string): unknown {
  const url = new URL(`${name}/${file}`, CASES);
  return existsSync(url) ? parse(readFileSync(url, "utf8")) : undefined;
}

function snapshotOf(file: CurrentFile): Snapshot {
  const namespaces = Object.entries(file.namespaces).map(
    ([name, given]) => [name, given && namespaceOf(given)] as const,
  );
  return { namespaces: Object.fromEntries(namespaces), files: file.files ?? {} };
}

const USUAL_LINK = { group: 0 };
const USUAL_ADDRESS = { scope: 0, flags: 0x80 };
const USUAL_ROUTE = { type: 1, table: 254, tos: 0, protocol: 3, scope: 0 };

function namespaceOf(given: Partial<ObservedNamespace>): ObservedNamespace {
  const links = (given.links ?? []).map((link) => ({ ...USUAL_LINK, ...link }));
  const addresses = (given.addresses ?? []).map((entry) => ({ ...USUAL_ADDRESS, ...entry }));
  const routes = (given.routes ?? []).map((route) => ({ ...USUAL_ROUTE, ...route }));
  return {
    links,
    addresses,
    routes: withPrefixRoutes({ links, addresses, routes }),
    neighbours: given.neighbours ?? [],
    sysctls: given.sysctls ?? {},
    nftTables: given.nftTables ?? [],
    foreignAccepts: given.foreignAccepts ?? [],
  };
}

function load(name: string) {
  const current = read(name, "current.yaml") as CurrentFile | undefined;
  if (current === undefined) throw new Error(`${name}: current.yaml is missing`);
  const wanted = (read(name, "desired.yaml") ?? {}) as Partial<Desired>;
  const desired: Desired = { objects: wanted.objects ?? [], absent: wanted.absent ?? [] };
  const owned = read(name, "record.yaml") as Record<string, OwnedObject> | undefined;
  const record: OwnershipRecord | undefined = owned && {
    version: 1,
    name,
    source: `${name}.yaml`,
    owned,
    desired: { objects: [], absent: [] },
  };
  const pending = (read(name, "pending.yaml") ?? []) as { key: string; before?: StateObject; after?: StateObject }[];
  const steps = pending.map((step): Step => ({ ...step, summary: "", commands: [] }));
  return { snapshot: snapshotOf(current), desired, pending: steps, ...(record === undefined ? {} : { record }) };
}

function render(made: Plan): string {
  const lines: string[] = [];
  for (const { message, remedy } of made.conflicts) lines.push(`conflict: ${message}`, `    ${remedy}`);
  for (const note of made.notes) lines.push(`note: ${note}`);
  for (const { summary, commands } of made.steps) lines.push(summary, ...commands.map((command) => `    ${command}`));
  for (const original of Object.values(made.originals))
    lines.push(`remember ${nameOf(original)}: ${JSON.stringify(original)}`);
  return lines.length === 0 ? "nothing to do\n" : `${lines.join("\n")}\n`;
}

describe("planner case", () => {
  const names = readdirSync(CASES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  test.each(names.map((entry) => entry.name))("%s", (name) => {
    const input = load(name);
    const made = plan(input);
    const golden = new URL(`${name}/plan.txt`, CASES);
    if (process.env["UPDATE_PLAN_CASES"] === "1") writeFileSync(golden, render(made));
    expect(render(made)).toBe(readFileSync(golden, "utf8"));
    if (made.conflicts.length > 0) return;
    const recorded = Object.values(input.record?.owned ?? {}).flatMap(({ object, original }) =>
      [original ?? [], object ?? []].flat(),
    );
    expect(() =>
      new FakeKernel(input.snapshot).apply(made.steps, [...input.desired.objects, ...recorded]),
    ).not.toThrow();
  });
});
