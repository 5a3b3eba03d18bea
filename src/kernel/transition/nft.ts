/** nft tables of our own, loaded and removed whole. */
import { NetloomError } from "../../base/errors.ts";
import { fingerprint } from "../../planner/fingerprint.ts";
import { markOf } from "../../state/mark.ts";
import type { NftTableObject } from "../../state/object/kernel.ts";
import { nft } from "../nft.ts";
import { namespacePath } from "./namespace-path.ts";

/**
 * Load the table in one transaction; its comment says which rules were loaded. `replace`: in the place of the one
 * that is there, else a table of that name is an error. @throws NetloomError command-failed, tool-missing
 */
export async function loadNftTable(object: NftTableObject, { replace }: { replace: boolean }): Promise<void> {
  const table = `${object.family} ${object.name}`;
  const head = replace
    ? [`table ${table}`, `delete table ${table}`]
    : [`create table ${table}`, `delete table ${table}`];
  const body = [`table ${table} {`, `comment "${markOf(fingerprint(object.rules))}"`, object.rules, "}"];
  await transact(object, `${[...head, ...body].join("\n")}\n`);
}

/** Remove the table; one that is gone already counts as removed. */
export async function deleteNftTable(object: NftTableObject): Promise<void> {
  try {
    await transact(object, `delete table ${object.family} ${object.name}\n`);
  } catch (error) {
    if (!(error instanceof NetloomError) || !error.message.includes("No such file or directory")) throw error;
  }
}

function transact({ namespace }: NftTableObject, commands: string): Promise<string> {
  return nft(commands, namespace === "" ? {} : { namespacePath: namespacePath(namespace) });
}
