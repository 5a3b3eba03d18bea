/** A host on which a network file is planned, applied and destroyed: two pods behind a router, and what was there before. */
import { existsSync, readdirSync } from "node:fs";
import { expect } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, netloom } from "../../support/network.ts";

/** Two pods behind a router, and whatever else. */
export function networkFile(machines: readonly string[] = [], name = "apply"): string {
  return `version: 1
name: ${name}
uplinks:
  wan: { device: uplink0 }
networks:
  lan: { subnet: 192.168.50.0/24 }
routers:
  edge: { networks: [lan], uplink: wan, nat: masquerade }
machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: 192.168.50.10 }] }
  pod2: { kind: namespace, nics: [{ network: lan, address: 192.168.50.20 }] }
${machines.map((line) => `  ${line}\n`).join("")}`;
}

export interface StepLine {
  readonly key: string;
  readonly summary: string;
  readonly commands: readonly string[];
}

interface StatusData {
  readonly stateFolder: string;
  readonly units: readonly {
    name: string;
    source: string;
    state: string;
    objects: { key: string }[];
    drift: string[];
  }[];
  readonly keeper?: { pid: number; services: { name: string; state: string }[] };
  readonly keeperLog: string;
}

/** A state folder for the time of a test. */
export class ApplyScene implements Disposable {
  readonly folder = new Folder();
  readonly state = this.folder.join("state");
  /** The host before anything was applied. */
  readonly before = hostSnapshot();

  words(command: string, file: string): string[] {
    return [command, file, "--state", this.state];
  }

  async steps(command: "plan" | "apply" | "destroy", file: string): Promise<readonly StepLine[]> {
    return (JSON.parse(await done([...this.words(command, file), "--json"])) as { steps: StepLine[] }).steps;
  }

  async readStatus(): Promise<StatusData> {
    return JSON.parse((await netloom(["status", "--json", "--state", this.state])).stdout) as StatusData;
  }

  expectNothingLeft(): void {
    expect(hostSnapshot()).toEqual(this.before);
    if (existsSync(this.state)) expect(readdirSync(this.state).filter((name) => name !== "kvm.json")).toEqual([]);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}
