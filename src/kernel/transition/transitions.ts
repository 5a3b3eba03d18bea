/**
 * Carries out the steps of a plan in the kernel.
 *
 * Links, addresses, routes and neighbours become netlink requests. Requests of neighbouring steps in one namespace
 * travel together; any other kind of step, and another namespace, sends what has gathered first, so that the order of
 * the plan holds. Only links of ours that go from one namespace all go when the first of them does: each deletion by
 * itself waits some 30 ms for the kernel's readers, and what stands on them the kernel lets go of. What is to be deleted
 * and is gone counts as deleted; what is to be created and is there is an error.
 */
import { constants } from "node:os";
import { NetloomError, messageOf } from "../../base/errors.ts";
import { type NetlinkRequest } from "../../netlink/message.ts";
import { decodeLink, deleteLink, dumpLinks, getLink, setLink } from "../../netlink/route/link.ts";
import type { StateObject } from "../../state/object.ts";
import type { LinkObject } from "../../state/object/kernel.ts";
import { differInPrefixRoute } from "../../state/prefix-route.ts";
import type { Snapshot } from "../../state/snapshot.ts";
import type { Step } from "../../state/step.ts";
import {
  createNamespace,
  closeDescriptor,
  deleteNamespace,
  openNamespace,
  openTap,
  SystemCallError,
} from "../native.ts";
import { type NetlinkError, RouteNetlink } from "../netlink.ts";
import {
  changePrefixRouteRequests,
  createAddressRequests,
  createNeighbourRequests,
  createRouteRequests,
  deleteAddressRequests,
  deleteNeighbourRequests,
  deleteRouteRequests,
} from "./address.ts";
import { removeFile, writeFile } from "./file.ts";
import { deleteAccept, insertAccept } from "./foreign-accept.ts";
import { changeLinkRequests, createLinkRequests, deleteLinkRequests, type LinkContext } from "./link.ts";
import { LinkDirectory } from "./link-directory.ts";
import { namespacePath } from "./namespace-path.ts";
import { deleteNftTable, loadNftTable } from "./nft.ts";
import { writeSysctl } from "./sysctl.ts";

const LOOPBACK_INDEX = 1;
/** Sockets and descriptors of other namespaces that are kept open between batches. */
const KEPT_NAMESPACES = 200;
/** From so many on, links are deleted by group: one message in place of 16 ms each. */
const GROUP_DELETION = 2;
const HIGHEST_GROUP = 0x7fff_ffff;
/** What the kernel answers when the thing to be deleted is not there. */
const GONE: ReadonlySet<number> = new Set([
  constants.errno.ENODEV,
  constants.errno.ENOENT,
  constants.errno.ESRCH,
  constants.errno.EADDRNOTAVAIL,
  constants.errno.ENXIO,
]);

interface TransitionOptions {
  /** What the plan was made from. */
  readonly snapshot: Snapshot;
  /** All objects that steps may speak of: wanted ones, those of the record and the originals. */
  readonly objects: Iterable<StateObject>;
}

interface Pending {
  readonly request: NetlinkRequest;
  readonly step: Step;
}

/** One plan's execution. Close it when done. */
export class Transitions implements AsyncDisposable {
  readonly #context: LinkContext;
  readonly #links: LinkDirectory;
  readonly #sockets = new Map<string, RouteNetlink>();
  readonly #descriptors = new Map<string, number>();
  #pending: Pending[] = [];
  #pendingNamespace = "";

  constructor({ snapshot, objects }: TransitionOptions) {
    this.#links = new LinkDirectory(snapshot, objects);
    this.#context = { links: this.#links, descriptorOf: (namespace) => this.#descriptor(namespace) };
  }

  /** Carry out one step of a kernel object. @throws NetloomError step-failed, with the step's summary */
  async transition(step: Step): Promise<void> {
    await this.transitionAll([step]);
  }

  /**
   * Carry out steps in order, together where that is possible: after a failure up to 200 later ones may have been
   * carried out as well. `progress` is called before each. @throws NetloomError step-failed, with the step's summary
   */
  async transitionAll(steps: readonly Step[], progress?: (step: Step) => void): Promise<void> {
    for (const { before, after } of steps) {
      for (const object of [after, before]) if (object?.kind === "link") this.#links.add(object);
    }
    const groups = deletionGroups(steps);
    const deleted = new Set<Step>();
    for (const step of steps) {
      if (deleted.has(step)) continue;
      const group = groups.get(step);
      for (const { step: member } of group ?? [{ step }]) progress?.(member);
      if (group === undefined) await this.#add(step);
      else {
        await this.#flush();
        await this.#deleteGroup(group);
        for (const { step: member } of group) deleted.add(member);
      }
    }
    await this.#flush();
  }

  async #add(step: Step): Promise<void> {
    try {
      const object = step.after ?? step.before;
      if (object === undefined) return;
      switch (object.kind) {
        case "link":
        case "address":
        case "route":
        case "neighbour":
          await this.#gather(step, object.namespace);
          return;
        default:
          await this.#flush();
          await this.#alone(step);
      }
    } catch (cause) {
      throw stepFailed(step, cause);
    }
  }

  async #gather(step: Step, namespace: string): Promise<void> {
    if (namespace !== this.#pendingNamespace) {
      await this.#flush();
      this.#pendingNamespace = namespace;
    }
    if (step.before === undefined && step.after?.kind === "link" && step.after.link.type === "tap") {
      await this.#flush();
      await this.#openTap(step.after);
    }
    for (const request of requestsFor(step, this.#context)) this.#pending.push({ request, step });
  }

  async #flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length > 0) {
      const socket = this.#socket(this.#pendingNamespace);
      const results = await socket.executeAll(pending.map(({ request }) => request));
      for (const [i, error] of results.entries()) {
        const { step } = pending[i]!;
        if (error !== undefined && !countsAsDone(pending[i]!, error)) throw stepFailed(step, error);
      }
    }
    this.#evict();
  }

  /** Kinds that no netlink request of ours stands for. */
  async #alone({ before, after }: Step): Promise<void> {
    const object = after ?? before;
    switch (object?.kind) {
      case "namespace":
        if (after === undefined) return this.#deleteNamespace(object.name);
        if (before === undefined) this.#createNamespace(object.name);
        return this.#socket(object.name).execute([setLink({ index: LOOPBACK_INDEX, up: true })]);
      case "sysctl":
        // Without a value to go back to it went with its link, or stays as it is.
        if (after !== undefined) writeSysctl(this.#descriptor(object.namespace), object.path, object.value);
        return;
      case "nft-table":
        return after === undefined ? deleteNftTable(object) : loadNftTable(object, { replace: before !== undefined });
      case "foreign-accept":
        if (before?.kind === "foreign-accept") await deleteAccept(before);
        if (after?.kind === "foreign-accept") await insertAccept(after);
        return;
      case "file":
        return after === undefined ? removeFile(object) : writeFile(object);
      default:
        throw new NetloomError("internal", `${object?.kind ?? "nothing"} is not a kernel object`);
    }
  }

  async #openTap(object: LinkObject): Promise<void> {
    if (object.link.type !== "tap") return;
    const { ownerUid, groupGid, queues = 1 } = object.link;
    const descriptor = openTap({
      namespace: this.#descriptor(object.namespace),
      name: object.name,
      mode: "tap",
      exclusive: true,
      persist: true,
      multiQueue: queues > 1,
      ...(ownerUid === undefined ? {} : { owner: ownerUid }),
      ...(groupGid === undefined ? {} : { group: groupGid }),
    });
    // Held by us it would be busy for the guest.
    closeDescriptor(descriptor);
    const link = await this.#socket(object.namespace).get(getLink({ name: object.name }), decodeLink);
    this.#links.set(object, link.index);
  }

  #createNamespace(name: string): void {
    try {
      createNamespace(name);
    } catch (error) {
      if (!(error instanceof NetloomError && error.code === "namespace-broken")) throw error;
      // What a kill in the middle of a creation leaves.
      deleteNamespace(name);
      createNamespace(name);
    }
  }

  #deleteNamespace(name: string): void {
    this.#forget(name);
    try {
      deleteNamespace(name);
    } catch (error) {
      if (!(error instanceof SystemCallError && error.errnoName === "ENOENT")) throw error;
    }
  }

  /** Move the links to a group that nobody uses, then delete the group. */
  async #deleteGroup(steps: readonly Deletion[]): Promise<void> {
    const { step, object } = steps[0]!;
    try {
      const socket = this.#socket(object.namespace);
      const present = await socket.dump(dumpLinks(), decodeLink);
      const indexes = new Set(present.map((link) => link.index));
      const group = unusedGroup(new Set(present.map((link) => link.group ?? 0)));
      const requests = steps.flatMap((entry) => {
        const index = this.#links.indexOf(entry.object);
        deleteLinkRequests(entry.object, this.#context);
        return index === undefined || !indexes.has(index) ? [] : [setLink({ index, group })];
      });
      if (requests.length > 0) await socket.execute([...requests, deleteLink({ group })]);
    } catch (cause) {
      throw stepFailed(step, cause);
    }
  }

  #socket(namespace: string): RouteNetlink {
    let socket = this.#sockets.get(namespace);
    if (socket === undefined) {
      socket = RouteNetlink.open(namespace === "" ? {} : { namespacePath: namespacePath(namespace) });
      this.#sockets.set(namespace, socket);
    }
    return socket;
  }

  #descriptor(namespace: string): number {
    let descriptor = this.#descriptors.get(namespace);
    if (descriptor === undefined) {
      descriptor = openNamespace(namespacePath(namespace));
      this.#descriptors.set(namespace, descriptor);
    }
    return descriptor;
  }

  /** Called with nothing pending: descriptors in requests must stay open until these are sent. */
  #evict(): void {
    if (this.#sockets.size > KEPT_NAMESPACES) for (const name of this.#sockets.keys()) this.#closeSocket(name);
    if (this.#descriptors.size > KEPT_NAMESPACES)
      for (const name of this.#descriptors.keys()) this.#closeNamespace(name);
  }

  /** A namespace of which anything is held open does not end when its name goes. */
  #forget(namespace: string): void {
    this.#closeSocket(namespace);
    this.#closeNamespace(namespace);
  }

  #closeSocket(namespace: string): void {
    this.#sockets.get(namespace)?.close();
    this.#sockets.delete(namespace);
  }

  #closeNamespace(namespace: string): void {
    const descriptor = this.#descriptors.get(namespace);
    if (descriptor !== undefined) closeDescriptor(descriptor);
    this.#descriptors.delete(namespace);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    for (const name of this.#descriptors.keys()) this.#closeNamespace(name);
    await Promise.all(sockets.map((socket) => socket[Symbol.asyncDispose]()));
  }
}

/**
 * The netlink requests of one step for a link, address, route or neighbour, in order, all to the step's namespace.
 * A tap that is created must be open already. @throws NetloomError no-link, no-master
 */
function requestsFor({ before, after }: Step, context: LinkContext): NetlinkRequest[] {
  const { links } = context;
  const object = after ?? before;
  switch (object?.kind) {
    case "link":
      if (after?.kind !== "link") return deleteLinkRequests(object, context);
      return before?.kind === "link" ? changeLinkRequests(before, after, context) : createLinkRequests(after, context);
    case "address":
      if (before?.kind === "address" && after?.kind === "address" && differInPrefixRoute(before, after))
        return changePrefixRouteRequests(after, links);
      return [
        ...(before?.kind === "address" ? deleteAddressRequests(before, links) : []),
        ...(after?.kind === "address" ? createAddressRequests(after, links) : []),
      ];
    case "route":
      if (after?.kind !== "route") return deleteRouteRequests(object, links);
      return createRouteRequests(after, links, { replace: before !== undefined });
    case "neighbour":
      return after?.kind === "neighbour"
        ? createNeighbourRequests(after, links)
        : deleteNeighbourRequests(object, links);
    default:
      throw new NetloomError("internal", `${object?.kind ?? "nothing"} has no netlink requests`);
  }
}

/** Whether the request deletes, or makes sure of the absence of, something that is not there. */
function countsAsDone({ request, step }: Pending, error: NetlinkError): boolean {
  const deletes = step.after === undefined || request.operation.startsWith("delete ");
  return deletes && GONE.has(error.errno);
}

interface Deletion {
  readonly step: Step;
  readonly object: LinkObject;
}

/** Deletions of links of our own that are worth a group, one group for each namespace, by the first of its steps. */
function deletionGroups(steps: readonly Step[]): Map<Step, readonly Deletion[]> {
  const byNamespace = new Map<string, Deletion[]>();
  for (const step of steps) {
    const object = step.before;
    if (step.after !== undefined || object?.kind !== "link" || object.link.type === "adopted") continue;
    const group = byNamespace.get(object.namespace);
    if (group === undefined) byNamespace.set(object.namespace, [{ step, object }]);
    else group.push({ step, object });
  }
  const groups = [...byNamespace.values()].filter((group) => group.length >= GROUP_DELETION);
  return new Map(groups.map((group) => [group[0]!.step, group]));
}

function unusedGroup(used: ReadonlySet<number>): number {
  for (;;) {
    const group = 1 + Math.floor(Math.random() * (HIGHEST_GROUP - 1));
    if (!used.has(group)) return group;
  }
}

function stepFailed(step: Step, cause: unknown): NetloomError {
  if (cause instanceof NetloomError && cause.code === "step-failed") return cause;
  const hint = cause instanceof NetloomError && cause.hint !== undefined ? { hint: cause.hint } : {};
  return new NetloomError("step-failed", `${step.summary}: ${messageOf(cause)}`, { cause, ...hint });
}
