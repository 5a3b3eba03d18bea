/**
 * Check the shape of a file and collect all mistakes at once.
 *
 * What is wrong is cut out and the rest is checked again, so that one mistake hides neither the next one nor
 * those that only show between the parts (addresses, references).
 */
import * as v from "valibot";
import { isPlainMap, type Plain } from "./document.ts";
import { type Complaint, formatPath, type Path } from "./mistakes.ts";
import { type FileShape, networkFile } from "./schema.ts";
import { misplacedRemedy, unsupportedRemedy } from "./unsupported.ts";

/** More than anybody puts right in one go. */
const MAXIMUM_COMPLAINTS = 200;

/** `file` is what is left after all mistakes were cut out; undefined where nothing is. */
export function checkShape(root: Plain): { file: FileShape | undefined; complaints: readonly Complaint[] } {
  const complaints: Complaint[] = [];
  const cut = new Set<string>();
  const value = copy(root);
  while (complaints.length < MAXIMUM_COMPLAINTS) {
    const result = v.safeParse(networkFile, value);
    if (result.success) return { file: result.output, complaints };
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map((item) => (typeof item.key === "number" ? item.key : String(item.key)));
      const { complaint, cutAt } = judge(issue, path, root);
      if (!cut.has(formatPath(path))) complaints.push(complaint);
      if (cutAt.length === 0) return { file: undefined, complaints };
      // Cutting one item out of a list would renumber the others: the list goes as a whole.
      const whole = cutAt.findIndex((part) => typeof part === "number");
      const target = typeof cutAt.at(-1) === "number" ? cutAt.slice(0, whole) : cutAt;
      cut.add(formatPath(target));
      remove(value, target);
    }
  }
  return { file: undefined, complaints };
}

function judge(issue: v.BaseIssue<unknown>, path: Path, root: Plain): { complaint: Complaint; cutAt: Path } {
  if (issue.type === "raw_transform") {
    const atKey = issue.path?.at(-1)?.origin === "key";
    const complaint = { path, reason: issue.message, remedy: issue.expected ?? "", atKey };
    return { complaint, cutAt: isMachineKind(path) ? path.slice(0, -1) : path };
  }
  const key = String(path.at(-1) ?? "");
  if (issue.expected !== "never") {
    const complaint = {
      path,
      reason: `the key "${key}" is missing`,
      remedy: remedyOfMissing(path, issue.message),
      atKey: true,
    };
    return { complaint, cutAt: path.slice(0, -1) };
  }
  const machine = path[0] === "machines" ? at(root, path.slice(0, 2)) : undefined;
  const vm = isPlainMap(machine) && machine.kind === "vm" ? machine : undefined;
  const misplaced = vm === undefined ? undefined : misplacedRemedy(path, "in" in vm);
  if (misplaced !== undefined) {
    const reason = `"${key}" has no meaning for a VM ${vm !== undefined && "in" in vm ? "in" : "outside"} a pod`;
    return { complaint: { path, reason, remedy: misplaced, atKey: true }, cutAt: path };
  }
  const later = unsupportedRemedy(path);
  const complaint =
    later === undefined
      ? { path, reason: `unknown key "${key}"`, remedy: issue.message, atKey: true }
      : { path, reason: `"${key}" is not supported yet`, remedy: later, atKey: true };
  return { complaint, cutAt: path };
}

/** Without its kind nothing in a machine can be judged: it goes as a whole. */
function isMachineKind(path: Path): boolean {
  return path.length === 3 && path[0] === "machines" && path[2] === "kind";
}

/** What to add, by the last key of the path. */
function remedyOfMissing(path: Path, otherwise: string): string {
  const examples: Readonly<Record<string, string>> = {
    version: "begin the file with version: 1",
    device: "add the device's name, such as device: eth0",
    subnet: "add a subnet, such as subnet: 192.168.50.0/24",
    networks: "add the networks, such as networks: [lan]",
    uplink: "add the name of an uplink, such as uplink: wan",
    network: "add the name of a network, such as network: lan",
    binding: "add binding: bridge",
    nics: "add the NICs, such as nics: [{ network: lan }]; a VM in a pod says in: pod1",
    in: "name the pod that the VM runs in, such as in: pod1",
  };
  return examples[String(path.at(-1))] ?? otherwise;
}

function copy(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(copy);
  return isPlainMap(value)
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copy(entry)]))
    : value;
}

function at(root: Plain, path: Path): Plain | undefined {
  let value: Plain | undefined = root;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else value = isPlainMap(value) ? value[String(part)] : undefined;
  }
  return value;
}

function remove(root: Plain, path: Path): void {
  const parent = at(root, path.slice(0, -1));
  if (isPlainMap(parent)) delete parent[String(path.at(-1))];
}
