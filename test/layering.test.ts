/** The floors of the house: who may import whom. The compiler checks the same through project references. */
import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = dirname(import.meta.dirname);

/** From the ground up; a floor imports itself and those before it. */
const FLOORS = [
  "base",
  "wire",
  "netlink",
  "protocol",
  "state",
  "model",
  "compile",
  "planner",
  "import",
  "kernel",
  "store",
  "services",
  "engine",
  "daemon",
  "apps",
];
/** Floors without I/O: no Node, no globals of a platform. */
const PURE = new Set(FLOORS.slice(0, FLOORS.indexOf("kernel")));

interface Import {
  readonly from: string;
  /** A file below src/, or the name of a package or of a Node module. */
  readonly to: string;
}

const IMPORT = /^(?:import|export)\b[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, "src", file), "utf8").replace(/^\s*(?:\*|\/\/|\/\*).*$/gm, "");
  return Array.from(text.matchAll(IMPORT), (match) => {
    const to = match[1] ?? match[2] ?? match[3] ?? "";
    return { from: file, to: to.startsWith(".") ? join(dirname(file), to) : to };
  });
}

const files = globSync("**/*.ts", { cwd: join(ROOT, "src") });
const imports = files.flatMap(importsOf);
const local = imports.filter(({ to }) => to.endsWith(".ts"));
const packages = imports.filter(({ to }) => !to.endsWith(".ts"));
const floorOf = (file: string): string => file.split("/")[0] ?? "";
const describeImport = ({ from, to }: Import): string => `${from} imports ${to}`;

/** The first cycle of imports found, as the files along it. */
function findCycle(): string[] {
  const targets = Map.groupBy(local, ({ from }) => from);
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    for (const { to } of targets.get(file) ?? []) {
      const cycle = walk(to, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    done.add(file);
    return [];
  };
  for (const file of files) {
    const cycle = walk(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

describe("the floors", () => {
  test("hold every source file", () => {
    expect(files.filter((file) => !FLOORS.includes(floorOf(file)))).toEqual([]);
    expect(local.length).toBeGreaterThan(FLOORS.length);
  });

  test("import only files that exist, from their own floor or a lower one", () => {
    expect(local.filter(({ to }) => !files.includes(to)).map(describeImport)).toEqual([]);
    const upward = local.filter(({ from, to }) => FLOORS.indexOf(floorOf(to)) > FLOORS.indexOf(floorOf(from)));
    expect(upward.map(describeImport)).toEqual([]);
  });

  test("have no cycle of imports", () => {
    expect(findCycle()).toEqual([]);
  });

  test("are free of Node where they are pure", () => {
    const impure = packages.filter(({ from, to }) => PURE.has(floorOf(from)) && isBuiltin(to));
    expect(impure.map(describeImport)).toEqual([]);
  });

  test("are what the references of their projects say", () => {
    for (const [index, floor] of FLOORS.entries()) {
      const project: unknown = JSON.parse(readFileSync(join(ROOT, "src", floor, "tsconfig.json"), "utf8"));
      expect(project).toMatchObject({ references: FLOORS.slice(0, index).map((lower) => ({ path: `../${lower}` })) });
    }
  });
});

describe("dependencies", () => {
  const used = [...new Set(packages.map(({ to }) => to).filter((name) => !isBuiltin(name)))].sort();
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

  test("are those of package.json", () => {
    const declared = (manifest as { dependencies: Record<string, string> }).dependencies;
    expect(used).toEqual(Object.keys(declared).sort());
  });

  test("are each explained in ARCHITECTURE.md", () => {
    const architecture = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");
    expect(used.filter((name) => !architecture.includes(`\`${name}\``))).toEqual([]);
  });

  test("only the addon's wrapper loads native code", () => {
    const loaders = packages.filter(({ from, to }) => to === "node:module" && !from.startsWith("kernel/native/"));
    expect(loaders.map(describeImport)).toEqual([]);
    const users = local.filter(({ from, to }) => to.startsWith("kernel/native/") && !from.startsWith("kernel/native"));
    expect(users.map(describeImport)).toEqual([]);
  });
});
