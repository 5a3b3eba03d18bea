/** plan, apply and destroy of a network file. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { NetloomError, reasonOf } from "../base/errors.ts";
import { allocationsOf, guestNicsOf } from "../compile/allocations.ts";
import { compile } from "../compile/compile.ts";
import { qualifyKeys } from "../compile/qualify.ts";
import { missingCapabilities } from "../kernel/features.ts";
import { requireFeatures } from "../kernel/requirements.ts";
import type { Model } from "../model/model.ts";
import { parseNetworkFile } from "../model/parse.ts";
import type { Plan } from "../planner/plan.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import type { Step } from "../state/step.ts";
import { isInMemory } from "../store/state-folder.ts";
import { isUnreadable, UnitStore } from "../store/unit.ts";
import { attachedAddresses, refuseIfUsed } from "./attachments.ts";
import { reconcileUnconfirmed, undoUnconfirmed } from "./confirm.ts";
import { gatherFacts } from "./facts.ts";
import { keeperServices } from "./keeper-services.ts";
import { leaseNotes } from "./lease-notes.ts";
import { type Outcome, planUnit, reconcile } from "./reconcile.ts";
import { salvage } from "./salvage.ts";
import type { ServiceHost } from "./service-host.ts";
import { formatSource } from "./source.ts";

type Progress = (step: Step, position: number, total: number) => void;

interface ApplyOptions {
  readonly progress?: Progress;
  /** Runs DHCP servers and guests; default: the keeper. */
  readonly services?: ServiceHost;
  /** The file's content, where it is at hand; the path then only names it. */
  readonly text?: string;
  /** Undo the change unless it is confirmed within so many seconds. */
  readonly confirmSeconds?: number;
}

/** @throws NetloomError bad-file (exit code 2), cannot-plan */
export async function planFile(
  file: string,
  stateFolder: string,
  { text }: Pick<ApplyOptions, "text"> = {},
): Promise<{ plan: Plan; unitName: string; notes: readonly string[] }> {
  const { unit, desired, notes } = await wanted(file, stateFolder, text);
  const { plan } = await planUnit(unit, desired);
  const lacking = missingCapabilities().map(({ name }) => name);
  const blind =
    lacking.length === 0
      ? []
      : [
          `without ${lacking.join(", ")} not all of this host can be read: what is done already may be planned once more`,
        ];
  return { plan, unitName: unit.name, notes: [...notes, ...plan.notes, ...blind] };
}

/** @throws NetloomError bad-file, cannot-plan, conflict (nothing touched), apply-failed (all undone), rollback-failed */
export async function applyFile(
  file: string,
  stateFolder: string,
  options: ApplyOptions = {},
): Promise<{ outcome: Outcome; unitName: string; notes: readonly string[] }> {
  const { progress, services = keeperServices(stateFolder), confirmSeconds } = options;
  const told = await makeReadable(file, stateFolder, { text: options.text, services });
  const { unit, desired, notes } = await wanted(file, stateFolder, options.text);
  refuseIfUsed(stateFolder, unit.name, desired, `apply ${file}`);
  const change = { services, source: resolve(file), ...(progress === undefined ? {} : { progress }) };
  const outcome = await reconcileUnconfirmed(unit, desired, change, confirmSeconds);
  return { outcome, unitName: unit.name, notes: [...told, ...notes, ...outcome.notes] };
}

/**
 * Undo what was applied from this file. The file need not be valid any more, nor exist: what to undo is in
 * the record.
 */
export async function destroyFile(
  file: string,
  stateFolder: string,
  { progress, services = keeperServices(stateFolder) }: Pick<ApplyOptions, "progress" | "services"> = {},
): Promise<{ outcome: Outcome; unitName: string; notes: readonly string[] }> {
  const unit = unitOf("destroy", file, stateFolder);
  refuseIfUsed(stateFolder, unit.name, EMPTY, `destroy ${file}`);
  const notes = await salvage(unit, resolve(file), (keys) => declaredIfPossible(file, keys));
  const outcome = await reconcile(unit, EMPTY, { services, ...(progress === undefined ? {} : { progress }) });
  return { outcome, unitName: unit.name, notes };
}

/**
 * Compile again what was applied, from the text that it was applied from, because a DHCP lease that it follows says
 * something else.
 * @returns undefined: it follows none, or a change of it was cut off and is to be finished first
 * @throws NetloomError cannot-plan, in-use, conflict, apply-failed (as it was before)
 */
export async function recompileFile(
  unitName: string,
  stateFolder: string,
  services: ServiceHost,
): Promise<Outcome | undefined> {
  const known = UnitStore.open(stateFolder, unitName);
  const record = known.readRecord();
  const text = record?.desired.declared?.text;
  if (record === undefined || text === undefined || known.readJournal() !== undefined) return undefined;
  const { unit, desired } = await wanted(record.source, stateFolder, text);
  refuseIfUsed(stateFolder, unit.name, desired, `compile ${record.source} again`);
  return reconcile(unit, desired, { services });
}

/** Before anything is planned: what cannot be read is set aside, and an unconfirmed change whose time is up is undone. */
async function makeReadable(
  file: string,
  stateFolder: string,
  { text = readNetworkFile(file), services }: { readonly text: string | undefined; readonly services: ServiceHost },
): Promise<readonly string[]> {
  const model = parseNetworkFile(text, file, { folder: dirname(resolve(file)) });
  const unit = UnitStore.open(stateFolder, model.name);
  const notes = await salvage(unit, resolve(file), (keys) => declaredBy(model, keys));
  await undoUnconfirmed(unit, services);
  return notes;
}

async function declaredBy(model: Model, ownedKeys: ReadonlySet<string>): Promise<Desired> {
  return qualifyKeys(compile(model, await gatherFacts(model, ownedKeys)).desired, model.name);
}

/** Undefined: there is no such file any more, or it is wrong, or this host forbids what it says. */
async function declaredIfPossible(file: string, ownedKeys: ReadonlySet<string>): Promise<Desired | undefined> {
  try {
    const model = parseNetworkFile(readNetworkFile(file), file, { folder: dirname(resolve(file)) });
    return await declaredBy(model, ownedKeys);
  } catch (error) {
    if (error instanceof NetloomError && ["bad-file", "cannot-plan"].includes(error.code)) return undefined;
    throw error;
  }
}

async function wanted(
  file: string,
  stateFolder: string,
  text: string = readNetworkFile(file),
): Promise<{ unit: UnitStore; desired: Desired; notes: readonly string[] }> {
  const first = parseNetworkFile(text, file, { folder: dirname(resolve(file)) });
  const unit = UnitStore.open(stateFolder, first.name);
  const previous = unit.readRecord() ?? unit.readJournal();
  if (previous !== undefined && previous.source !== resolve(file)) {
    throw new NetloomError(
      "name-taken",
      `${file}: the name ${first.name} belongs to ${formatSource(previous.source)}, which is applied`,
      {
        hint: `Destroy that one first, or give this file a name of its own: "name: something-else" at its top.`,
      },
    );
  }
  const model: Model =
    previous === undefined
      ? first
      : parseNetworkFile(text, file, {
          folder: dirname(resolve(file)),
          previous: allocationsOf(previous.desired),
          previousNics: guestNicsOf(previous.desired),
          taken: attachedAddresses(stateFolder, unit.name),
        });
  const facts = await gatherFacts(model, ownedKeys(unit), parametersBefore(unit), stateFolder);
  const { desired: unqualified, notes } = compile(model, facts);
  const desired = withText(qualifyKeys(unqualified, unit.name), text);
  await requireFeatures(desired);
  return { unit, desired, notes: [...notes, ...leaseNotes(desired, stateFolder, isInMemory(stateFolder))] };
}

/** What follows a DHCP lease keeps the text that it is made from. */
function withText(desired: Desired, text: string): Desired {
  if (!desired.objects.some(({ kind }) => kind === "dhcp-client" || kind === "dhcp6-client")) return desired;
  return { ...desired, declared: { ...desired.declared, text } };
}

/** Name of the unit to be confirmed: that of this very file, else the one that would be. @throws NetloomError name-taken */
export function unitToConfirm(file: string, stateFolder: string): string {
  return unitOf("confirm", file, stateFolder).name;
}

/**
 * The unit that was applied from this very file, else an empty one.
 * @throws NetloomError name-taken when another file is applied under the name that this one has
 */
function unitOf(operation: "confirm" | "destroy", file: string, stateFolder: string): UnitStore {
  const source = resolve(file);
  const sources = new Map(UnitStore.list(stateFolder).map((name) => [name, sourceOf(stateFolder, name)]));
  for (const [name, other] of sources) if (other === source) return UnitStore.open(stateFolder, name);
  const name = basename(file).replace(/\.[^.]*$/, "");
  const other = sources.get(name);
  if (other === undefined) return UnitStore.open(stateFolder, name);
  throw new NetloomError(
    "name-taken",
    `${operation} ${source}: it is not applied; ${other} is, under the name ${name}`,
    {
      hint: `If that is meant: netloom ${operation} ${other} (the file need not exist any more).`,
    },
  );
}

/** Undefined: nothing can be read there, which `status` tells. */
function sourceOf(stateFolder: string, name: string): string | undefined {
  const unit = UnitStore.open(stateFolder, name);
  try {
    return (unit.readRecord() ?? unit.readJournal())?.source;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** @throws NetloomError bad-file */
export function readNetworkFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new NetloomError("bad-file", `read ${file}: ${reasonOf(cause)}`, {
      cause,
      hint: "Give the path of a network file; examples/ has some to start from.",
    });
  }
}

/** Values that kernel parameters of our own namespace had before netloom, by path. */
function parametersBefore(unit: UnitStore): Map<string, string> {
  const records = [...unit.readOtherRecords(), unit.readRecord()];
  const originals = [
    ...records.flatMap((record) => Object.values(record?.owned ?? {}).map(({ original }) => original)),
    ...Object.values(unit.readJournal()?.originals ?? {}),
  ];
  const values = new Map<string, string>();
  for (const original of originals)
    if (original?.kind === "sysctl" && original.namespace === "") values.set(original.path, original.value);
  return values;
}

/** Keys of what an earlier run made or may have made. */
function ownedKeys(unit: UnitStore): Set<string> {
  const steps = unit.readJournal()?.steps ?? [];
  return new Set([...Object.keys(unit.readRecord()?.owned ?? {}), ...steps.map((step) => step.key)]);
}
