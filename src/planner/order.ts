/**
 * The order of steps: what goes before what comes, and each thing after what it stands on.
 *
 * Things give and need *tokens* ("link:lan", "addresses:pod1"). A step waits for all steps that make a token
 * it needs; a deletion runs before all steps that take away or change what the deleted thing stood on. Many
 * steps may give one token and many need it, so the two sides meet in a node between them: edges stay
 * linear. Among what is free to go the lowest rank goes first, which keeps the order of the network file.
 */
import { NetloomError } from "../base/errors.ts";
import { isService, nameOf, type StateObject } from "../state/object.ts";
import { onlyLosesNics } from "../state/vm.ts";
import { type Draft, namespaceOf } from "./context.ts";
import { Graph, Meetings } from "./graph.ts";
import { deviceOf, identityOf } from "./identity.ts";

type PeerNamespace = (peerKey: string) => string | undefined;

/** @throws NetloomError plan-cycle, naming the steps: a mistake in what was asked of the planner */
export function orderDrafts(drafts: readonly Draft[], peerNamespace: PeerNamespace): Draft[] {
  const places = new Places();
  const byRank = drafts
    .map((draft, position) => ({ draft, position, phase: phaseOf(draft) }))
    .sort((a, b) => a.phase - b.phase || a.draft.rank - b.draft.rank || a.position - b.position)
    .map((entry) => ({ ...entry, place: places.numberOf(entry.draft) }))
    .sort((a, b) => a.phase - b.phase || a.place - b.place);
  const sorted = byRank.map((entry) => entry.draft);
  const graph = new Graph(sorted.length);
  chainSameKey(graph, byRank);
  connectPhases(graph, sorted);
  const encounters = new Encounters(graph);
  for (const [node, draft] of sorted.entries()) announce(encounters, node, draft);
  for (const [node, draft] of sorted.entries()) connect(encounters, node, draft, peerNamespace);
  const { order, stuck } = graph.sort();
  if (stuck.length > 0) {
    const names = stuck.slice(0, 8).map((i) => stepName(sorted[i]!));
    throw new NetloomError("plan-cycle", `order steps: each waits for the other: ${names.join("; ")}`);
  }
  return order.map((i) => sorted[i]!);
}

function stepName(draft: Draft): string {
  const object = draft.after ?? draft.before;
  const verb = draft.before === undefined ? "create" : draft.after === undefined ? "delete" : "change";
  return `${verb} ${object === undefined ? draft.key : nameOf(object)}`;
}

const FIRST_KERNEL_PHASE = 2;
const LAST_KERNEL_PHASE = 7;

/**
 * Services stop before anything else, and start after everything else; a VM needs its DHCP server. What is unplugged
 * from a running VM counts as stopping. Links go in a row, which lets them be deleted together.
 */
function phaseOf(draft: Draft): number {
  const { before, after } = draft;
  const kind = (after ?? before)?.kind;
  if (kind === "vm") return after === undefined || losesNics(before, after) ? 0 : 9;
  if (isService(after ?? before)) return after === undefined ? 1 : 8;
  if (after === undefined) return kind === "namespace" ? 4 : kind === "link" ? 3 : FIRST_KERNEL_PHASE;
  if (before !== undefined) return 5;
  return kind === "namespace" ? 6 : LAST_KERNEL_PHASE;
}

function losesNics(before: StateObject | undefined, after: StateObject): boolean {
  return before?.kind === "vm" && after.kind === "vm" && onlyLosesNics(before, after);
}

/** What is in one namespace is done together, the host's first: each change of namespace costs a round to the kernel. */
class Places {
  readonly #numbers = new Map<string | undefined, number>([["", 0]]);

  numberOf({ before, after }: Draft): number {
    const object = after ?? before;
    if (object === undefined || object.kind === "namespace" || isService(object)) return 0;
    const namespace = namespaceOf(object);
    const known = this.#numbers.get(namespace);
    if (known !== undefined) return known;
    this.#numbers.set(namespace, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** All that runs in the kernel's phases is one stage: there the dependencies decide. */
function stageOf(draft: Draft): number {
  const phase = phaseOf(draft);
  return phase > LAST_KERNEL_PHASE ? phase : Math.min(phase, FIRST_KERNEL_PHASE);
}

function connectPhases(graph: Graph, sorted: readonly Draft[]): void {
  let previous: number | undefined;
  let barrier: number | undefined;
  let current = -1;
  for (let i = 0; i < sorted.length; i++) {
    const now = stageOf(sorted[i]!);
    if (now !== current) {
      current = now;
      previous = barrier;
      barrier = graph.addNode();
      if (previous !== undefined) graph.addEdge(previous, barrier);
    }
    if (previous !== undefined) graph.addEdge(previous, i);
    if (barrier !== undefined) graph.addEdge(i, barrier);
  }
}

/** Several steps of one key: what goes before what comes, else as they were thought of. */
function chainSameKey(graph: Graph, byRank: readonly { draft: Draft; position: number }[]): void {
  const last = new Map<string, number>();
  const nodes = byRank
    .map((entry, node) => ({ ...entry, node }))
    .sort((a, b) => comes(a.draft) - comes(b.draft) || a.position - b.position);
  for (const { draft, node } of nodes) {
    const earlier = last.get(draft.key);
    if (earlier !== undefined) graph.addEdge(earlier, node);
    last.set(draft.key, node);
  }
}

function comes(draft: Draft): 0 | 1 {
  return draft.after === undefined ? 0 : 1;
}

/** The ways in which steps meet, by token; each is filled by one pass over all steps before the next reads it. */
class Encounters {
  /** What a step makes; those that need it come after. */
  readonly made: Meetings;
  /** What a step takes away or changes; those that give up standing on it come before. */
  readonly left: Meetings;
  /** What a step takes away. */
  readonly leftForGood: Meetings;
  /** Names and places that a step sets free; who takes them comes after. */
  readonly freed: Meetings;

  constructor(graph: Graph) {
    this.made = new Meetings(graph, "hosts first");
    this.left = new Meetings(graph, "guests first");
    this.leftForGood = new Meetings(graph, "guests first");
    this.freed = new Meetings(graph, "hosts first");
  }
}

function announce({ made, left, leftForGood, freed }: Encounters, node: number, { before, after, along }: Draft): void {
  if (after !== undefined && !isService(after)) for (const token of tokensOf(after)) made.host(token, node);
  if (before === undefined || isService(before)) return;
  if (after !== undefined) {
    for (const token of tokensOf(before)) left.host(token, node);
    if (placeOf(before) !== placeOf(after)) freed.host(placeOf(before), node);
    return;
  }
  for (const object of [before, ...along]) {
    freed.host(placeOf(object), node);
    if (object !== before && object.kind === "sysctl") continue;
    for (const token of tokensOf(object)) {
      left.host(token, node);
      leftForGood.host(token, node);
    }
  }
}

function connect(encounters: Encounters, node: number, draft: Draft, peerNamespace: PeerNamespace): void {
  const { made, left, leftForGood, freed } = encounters;
  const { before, after, along } = draft;
  if (after !== undefined && !isService(after)) {
    for (const token of needsOf(after, before === undefined, peerNamespace)) made.guest(token, node);
    if (before === undefined || placeOf(before) !== placeOf(after)) freed.guest(placeOf(after), node);
  }
  if (before === undefined || isService(before)) return;
  if (after !== undefined) {
    if (before.kind === "link" && typeof before.masterKey === "string") {
      leftForGood.guest(`link:${before.masterKey}`, node);
    }
    return;
  }
  const own = new Set<string>();
  const needed = new Set(needsOf(before, true, peerNamespace));
  for (const object of [before, ...along]) {
    if (object === before || object.kind !== "sysctl") for (const token of tokensOf(object)) own.add(token);
    // What is inside a namespace all goes at once.
    if (object === before || before.kind === "namespace") continue;
    // The kernel does not mind in which order addresses and routes go with their link.
    for (const token of needsOf(object, true, peerNamespace)) if (!isRouting(token)) needed.add(token);
  }
  for (const token of needed) if (!own.has(token)) left.guest(token, node);
}

function isRouting(token: string): boolean {
  return token.startsWith("addresses:") || token.startsWith("on-link:");
}

function placeOf(object: StateObject): string {
  return object.kind === "link" ? `name|${object.namespace}|${object.name}` : identityOf(object);
}

function tokensOf(object: StateObject): string[] {
  switch (object.kind) {
    case "namespace":
      return [`namespace:${object.name}`];
    case "link":
      return [`link:${object.key}`, `links:${object.namespace}`, `device:${object.namespace}/${object.name}`];
    case "address":
      return [`addresses:${object.namespace}`];
    case "route":
      return object.nextHops.some((hop) => hop.gateway !== undefined) ? [] : [`on-link:${object.namespace}`];
    case "sysctl":
      return deviceOf(object.path) === undefined
        ? [`sysctls:${object.namespace}`, `defaults:${object.namespace}`]
        : [`sysctls:${object.namespace}`];
    default:
      return [];
  }
}

/** `whole`: the object comes or goes, and is not just changed. */
function needsOf(object: StateObject, whole: boolean, peerNamespace: PeerNamespace): string[] {
  const namespace = namespaceOf(object);
  if (namespace === undefined || object.kind === "namespace") return [];
  const needs = [`namespace:${namespace}`];
  switch (object.kind) {
    case "link": {
      if (typeof object.masterKey === "string") needs.push(`link:${object.masterKey}`);
      if (object.link.type === "veth-peer") needs.push(`link:${object.link.peerKey}`);
      if (!whole) break;
      if ("parentKey" in object.link) needs.push(`link:${object.link.parentKey}`);
      needs.push(`defaults:${namespace}`);
      const other = object.link.type === "veth" ? peerNamespace(object.link.peerKey) : undefined;
      if (other !== undefined && other !== namespace) needs.push(`namespace:${other}`, `defaults:${other}`);
      break;
    }
    case "address":
      needs.push(`link:${object.linkKey}`, `sysctls:${namespace}`);
      break;
    case "neighbour":
      needs.push(`link:${object.linkKey}`);
      break;
    case "route":
      needs.push(`addresses:${namespace}`);
      for (const hop of object.nextHops) {
        if (hop.linkKey !== undefined) needs.push(`link:${hop.linkKey}`);
        if (hop.gateway !== undefined && hop.onlink !== true) needs.push(`on-link:${namespace}`);
      }
      break;
    case "sysctl": {
      const device = deviceOf(object.path);
      if (device !== undefined) needs.push(`device:${namespace}/${device}`);
      break;
    }
    case "nft-table":
      needs.push(`links:${namespace}`);
      break;
    default:
      break;
  }
  return needs;
}
