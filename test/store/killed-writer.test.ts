/** What is left by processes that were killed in the middle of writing, or while they held a lock. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { removeDurably, writeAtomic } from "../../src/store/atomic-file.ts";
import { forgetLeases } from "../../src/store/forget-leases.ts";
import { takeLock } from "../../src/store/lock.ts";
import { tidyStateFolder } from "../../src/store/state-folder.ts";
import { UnitStore } from "../../src/store/unit.ts";
import { Folder } from "../support/network.ts";

/** One that nobody has any more. */
const deadPid = (): number => spawnSync("true").pid;
/** Ours writes nothing beside the tests. */
const livingPid = process.ppid;

describe("a file that was half written", () => {
  test.each([
    ["written", (path: string) => writeAtomic(path, "whole"), ["services.json"]],
    ["removed", (path: string) => removeDurably(path), []],
  ] as const)("leaves nothing once the file is %s; what a living process writes stays", (_, work, left) => {
    using folder = new Folder();
    const others = ["other.json.1.new", `services.json.${livingPid}.new`, "services.json.new", "services.json.x.new"];
    for (const name of [...others, `services.json.${deadPid()}.new`, `services.json.${process.pid}.new`])
      folder.write(name, '{"vers');
    work(folder.join("services.json"));
    expect(readdirSync(folder.path).sort()).toEqual([...others, ...left].sort());
  });

  test("of leases that are rewritten: their folders go with them", () => {
    using folder = new Folder();
    mkdirSync(folder.join("dhcp/site"), { recursive: true });
    for (const end of ["", ".new", ".pool", `.pool.${deadPid()}.new`]) folder.write(`dhcp/site/lan.leases${end}`, "");
    forgetLeases(folder.join("dhcp/site/lan.leases"));
    expect(existsSync(folder.join("dhcp"))).toBe(false);
  });
});

describe("a change that was killed before its journal stood", () => {
  test("is no unit, and goes when somebody tidies up", () => {
    using folder = new Folder();
    for (const name of ["begun", "half"]) mkdirSync(folder.join(`units/${name}`), { recursive: true });
    for (const name of ["units/half/journal.json", "services.json"]) folder.write(`${name}.${deadPid()}.new`, "{");
    expect(UnitStore.list(folder.path)).toEqual([]);
    tidyStateFolder(folder.path);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("one that is under way stays, and those that are known", () => {
    using folder = new Folder();
    for (const name of ["known", "writing"]) mkdirSync(folder.join(`units/${name}`), { recursive: true });
    folder.write("units/known/record.json", "{}");
    folder.write(`units/writing/journal.json.${livingPid}.new`, "{");
    expect(UnitStore.list(folder.path)).toEqual(["known"]);
    tidyStateFolder(folder.path);
    expect(readdirSync(folder.join("units")).sort()).toEqual(["known", "writing"]);
  });
});

describe("a lock", () => {
  const stateFolder = (folder: Folder): string => {
    mkdirSync(folder.join("locks"));
    writeFileSync(folder.join("locks/dhcp-wan"), `process ${deadPid()} (keep the lease)\n`);
    folder.write("keeper.log", "");
    return folder.path;
  };

  test("whose holder was killed is in nobody's way when all else is gone", () => {
    using folder = new Folder();
    tidyStateFolder(stateFolder(folder));
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("that is held stays, and what is in use with it", () => {
    using folder = new Folder();
    const path = stateFolder(folder);
    using _lock = takeLock(folder.join("locks/bind-pod1-eth0"), "bind pod1");
    tidyStateFolder(path);
    expect(readdirSync(folder.join("locks"))).toEqual(["bind-pod1-eth0"]);
    expect(existsSync(folder.join("keeper.log"))).toBe(true);
  });
});
