/** A question answered from what servers say, through as many of them as it takes. */
import type { IpAddress } from "../../../base/address.ts";
import { readAddress } from "../../../wire/dns/data.ts";
import { DNS_CLASS, DNS_TYPE } from "../../../wire/dns/types.ts";
import { MOST_ALIASES } from "./chain.ts";
import type { Delegation } from "./delegations.ts";
import { askUnchecked, forward } from "./forward.ts";
import { iterate } from "./iterate.ts";
import { canonicalName } from "./names.ts";
import type { Piece } from "./piece.ts";
import type { Failure, Task, Work, World } from "./world.ts";

/** Names of servers whose servers have names whose servers … */
const MOST_DEPTH = 5;
/** Addresses of servers are kept at least for the question at hand. */
const SHORTEST_SECONDS = 5;

/** The whole answer, asked for anew; every alias is followed to its end. */
export function* resolveFully(world: World, task: Task): Work<Piece | Failure> {
  const { question } = task;
  const pieces: Piece[] = [];
  const seen: string[] = [];
  let aliases = 0;
  for (let name = canonicalName(question.name); ; ) {
    if (seen.includes(name) || aliases > MOST_ALIASES) return { failed: "the aliases lead nowhere" };
    seen.push(name);
    const link = { ...task, question: { ...question, name } };
    const known = pieces.length > 0 ? world.known(link.question, task.flags) : undefined;
    const told = known ?? (yield* askOnce(world, link));
    if ("failed" in told) return told;
    // Others have no say in a name that has become ours since it was asked for.
    const isOursNow = told.state === "continues" && told.last === name;
    const piece = (isOursNow ? world.known(link.question, task.flags) : undefined) ?? told;
    if (piece.state === "broken") return { failed: "the aliases lead nowhere" };
    if (known === undefined && pieces.length > 0 && piece.state !== "continues")
      world.keep(link.question, task.flags, piece);
    pieces.push(piece);
    if (piece.state !== "continues") return joined(pieces);
    aliases += piece.aliases;
    name = piece.last;
  }
}

function joined(pieces: readonly Piece[]): Piece {
  const last = pieces.at(-1)!;
  if (pieces.length === 1) return last;
  return {
    ...last,
    records: pieces.flatMap(({ records }) => records),
    authorities: pieces.flatMap(({ authorities }) => authorities),
    aliases: pieces.reduce((sum, { aliases }) => sum + aliases, 0),
    authenticData: pieces.every(({ authenticData }) => authenticData),
  };
}

function* askOnce(world: World, task: Task): Work<Piece | Failure> {
  const route = world.routes.of(task.question.name);
  if (route.upstreams.length === 0)
    return route.mayIterate ? yield* iterate(world, task, findServer) : { failed: "nobody to ask" };
  const wereDead = world.servers.areAllDead(route.upstreams);
  const forwarded = yield* forward(world, route, task);
  if (!("failed" in forwarded) || forwarded.verdict !== undefined || !route.mayIterate) return forwarded;
  const withheld = forwarded.servfail === true ? yield* askUnchecked(world, route, task) : undefined;
  if (withheld !== undefined) return withheld;
  const piece = yield* iterate(world, task, findServer);
  // They were asked beside all that, and one of them is back.
  const isBack = "failed" in piece && wereDead && !world.servers.areAllDead(route.upstreams);
  return isBack ? yield* forward(world, route, task) : piece;
}

function* findServer(world: World, delegation: Delegation, name: string, task: Task): Work<boolean> {
  const { effort, depth } = task;
  if (depth >= MOST_DEPTH) return false;
  effort.beginLookingFor(name);
  const flags = { dnssecOk: false, checkingDisabled: false };
  for (const type of addressTypes(world)) {
    const question = { name, type, class: DNS_CLASS.IN };
    const known = world.known(question, flags);
    const piece = known ?? (yield* resolveFully(world, { question, flags, effort, depth: depth + 1 }));
    if ("failed" in piece) continue;
    if (known === undefined) world.keep(question, flags, piece);
    if (piece.state !== "complete") continue;
    const addresses = piece.records.flatMap((record): IpAddress[] => {
      const address = readAddress(record);
      return address === undefined ? [] : [address];
    });
    const ttlSeconds = Math.min(...piece.records.map((record) => record.ttlSeconds));
    delegation.learn(name, addresses, world.now() + Math.max(SHORTEST_SECONDS, ttlSeconds));
    break;
  }
  effort.endLookingFor(name);
  return delegation.namesToFind(world.now()).every((each) => each !== name);
}

/** Of a server one address is enough: first one that can be reached. */
function addressTypes({ servers, now }: World): readonly number[] {
  return servers.isCutOff(4, now()) ? [DNS_TYPE.AAAA, DNS_TYPE.A] : [DNS_TYPE.A, DNS_TYPE.AAAA];
}
