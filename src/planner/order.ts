/**
 * The order of steps: what goes before what comes, and each thing after what it stands on.
 *
 * Things give and need *tokens* ("link:lan", "addresses:pod1"). A step waits for all steps that make a token
 * it needs; a deletion runs before all steps that take away or change what the deleted thing stood on. Many
 * steps may give one token and many need it, so the two sides meet in a node between them: edges stay
 * linear. Among what is free to go the lowest rank goes first, which keeps the order of the network file.
 */
import { NetloomError } from "../base/errors.ts";
import { nameOf, type StateObject } from "../state/object.ts";
import { type Draft, namespaceOf } from "./context.ts";
import { Graph } from "./graph.ts";
import { deviceOf, identityOf } from "./identity.ts";
import { isService } from "./services.ts";

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
  for (let i = 0; i < sorted.length; i++) connect(graph, i, sorted[i]!, peerNamespace);
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
 * Services stop before anything else, and start after everything else; a VM needs its DHCP server. Links go in
 * a row, which lets them be deleted together.
 */
function phaseOf(draft: Draft): number {
  const { before, after } = draft;
  const kind = (after ?? before)?.kind;
  if (kind === "vm") return after === undefined ? 0 : 9;
  if (kind === "dhcp-single") return after === undefined ? 1 : 8;
  if (after === undefined) return kind === "namespace" ? 4 : kind === "link" ? 3 : FIRST_KERNEL_PHASE;
  if (before !== undefined) return 5;
  return kind === "namespace" ? 6 : LAST_KERNEL_PHASE;
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

function connect(graph: Graph, node: number, draft: Draft, peerNamespace: PeerNamespace): void {
  const { before, after, along } = draft;
  if (after !== undefined && !isService(after)) {
    for (const token of tokensOf(after)) graph.addEdge(node, graph.token(`made ${token}`));
    for (const token of needsOf(after, before === undefined, peerNamespace))
      graph.addEdge(graph.token(`made ${token}`), node);
    connectPlaces(graph, node, before, after);
  }
  if (before === undefined || isService(before)) return;
  if (after !== undefined) {
    for (const token of tokensOf(before)) graph.addEdge(graph.token(`left ${token}`), node);
    if (before.kind === "link" && typeof before.masterKey === "string") {
      graph.addEdge(node, graph.token(`left for good link:${before.masterKey}`));
    }
    return;
  }
  connectDeletion(graph, node, before, along, peerNamespace);
}

/** What goes along waits for nobody's addresses and routes: the kernel does not mind in which order they go. */
function connectDeletion(
  graph: Graph,
  node: number,
  before: StateObject,
  along: readonly StateObject[],
  peerNamespace: PeerNamespace,
): void {
  const own = new Set<string>();
  for (const object of [before, ...along]) {
    graph.addEdge(node, graph.token(`free ${placeOf(object)}`));
    if (object !== before && object.kind === "sysctl") continue;
    for (const token of tokensOf(object)) {
      if (own.has(token)) continue;
      own.add(token);
      graph.addEdge(graph.token(`left ${token}`), node);
      graph.addEdge(graph.token(`left for good ${token}`), node);
    }
  }
  const needed = new Set(needsOf(before, true, peerNamespace));
  for (const object of along) {
    for (const token of needsOf(object, true, peerNamespace)) if (!isRouting(token)) needed.add(token);
  }
  for (const token of needed) if (!own.has(token)) graph.addEdge(node, graph.token(`left ${token}`));
}

function isRouting(token: string): boolean {
  return token.startsWith("addresses:") || token.startsWith("on-link:");
}

/** A name, or the place of a route, must be free before somebody else takes it. */
function connectPlaces(graph: Graph, node: number, before: StateObject | undefined, after: StateObject): void {
  const place = placeOf(after);
  if (before === undefined) graph.addEdge(graph.token(`free ${place}`), node);
  else if (placeOf(before) !== place) {
    graph.addEdge(node, graph.token(`free ${placeOf(before)}`));
    graph.addEdge(graph.token(`free ${place}`), node);
  }
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
