/**
 * A question resolved from the root by oneself (RFC 1034 §5.3.3): the servers of each zone send on to those of the zone
 * below, until some know the answer. Each sees of the name only what it has to (RFC 9156): one label more than its own
 * zone, for the first labels, and the whole name where a server stumbles over that.
 */
import { DNS_CLASS, DNS_TYPE } from "../../../wire/dns/types.ts";
import type { DnsQuestion } from "../../../wire/dns/message.ts";
import { classify } from "./classify.ts";
import type { Delegation } from "./delegations.ts";
import { inquiryKey } from "./inquiries.ts";
import type { InquiryResult } from "./inquiry.ts";
import { labelCount, lastLabels, parentOf } from "./names.ts";
import type { Piece } from "./piece.ts";
import { serverKey } from "./servers.ts";
import type { Failure, Task, Work, World } from "./world.ts";

const MOST_STEPS = 40;
/** Questions with less than the whole name (RFC 9156 §2.3: MAX_MINIMISE_COUNT). */
const MOST_MINIMISED = 10;

/** Finds addresses of a zone's server. @returns whether there are any now */
export type FindServer = (world: World, delegation: Delegation, name: string, task: Task) => Work<boolean>;

export function* iterate(world: World, task: Task, findServer: FindServer): Work<Piece | Failure> {
  const { question } = task;
  if (question.class !== DNS_CLASS.IN) return { failed: "the root servers know the class IN only" };
  const { name } = question;
  // RFC 4035 §3.1.4.1: the parent zone has the DS.
  const from = question.type === DNS_TYPE.DS ? (parentOf(name) ?? "") : name;
  const labels = labelCount(name);
  const beganAt = world.now();
  let delegation = world.delegations.closest(from, beganAt);
  let shown = labelCount(delegation.zone) + 1;
  let minimised = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    const isWhole = shown >= labels || minimised >= MOST_MINIMISED;
    const asked = isWhole ? question : { ...question, name: lastLabels(name, shown), type: DNS_TYPE.A };
    if (!isWhole) minimised++;
    const result = yield* askZone(world, delegation, asked, task, findServer);
    if ("failed" in result) {
      if (!isWhole && !result.silent) {
        shown = labels;
        continue;
      }
      const isOld = delegation.zone !== "" && delegation.learnedAt < beganAt;
      world.delegations.remove(delegation);
      // Once: what the parent zone says next is new.
      if (!isOld) return result;
      delegation = world.delegations.closest(parentOf(delegation.zone) ?? "", world.now());
      shown = labelCount(delegation.zone) + 1;
      continue;
    }
    const meaning = classify(result.message, asked, delegation.zone, isForeign(world, question));
    if (meaning.kind === "lame") return { failed: meaning.reason };
    if (meaning.kind === "referral") {
      delegation = world.delegations.store(meaning.referral, world.now(), delegation.endsAt);
      shown = labelCount(delegation.zone) + 1;
      continue;
    }
    if (isWhole) {
      world.counters.badAnswers.bailiwick += meaning.piece.dropped;
      // Nobody has checked it.
      return { ...meaning.piece, authenticData: false };
    }
    // Some servers deny a name that only has others below it: the whole name is asked for before that is believed.
    shown = meaning.piece.state === "nxdomain" ? labels : shown + 1;
  }
  return { failed: "too many steps" };
}

/** Names that are answered here, or that other servers are to be asked about: the public ones have no say in them. */
function isForeign({ routes }: World, question: DnsQuestion): (name: string) => boolean {
  const own = routes.of(question.name);
  return (name) => routes.of(name) !== own;
}

/** The servers whose addresses are known, then, one after the other, those whose addresses must be found. */
function* askZone(
  world: World,
  delegation: Delegation,
  question: DnsQuestion,
  task: Task,
  findServer: FindServer,
): Work<InquiryResult> {
  const { effort } = task;
  const { zone } = delegation;
  const asked = { question, recursionDesired: false, ...task.flags };
  const tried = new Set<string>();
  let result: InquiryResult = {
    failed: `nobody knows where the servers of ${zone} are`,
    silent: true,
    servfail: false,
  };
  for (let round = 0; ; round++) {
    const servers = delegation.servers(world.now()).filter((server) => !tried.has(serverKey(server)));
    if (servers.length > 0) {
      for (const server of servers) tried.add(serverKey(server));
      result = yield {
        ...asked,
        key: inquiryKey(`zone ${round} ${zone}`, asked),
        servers,
        measured: false,
        patient: false,
        effort,
        unusable: (message, server) => {
          const meaning = classify(message, question, zone, isForeign(world, task.question));
          if (meaning.kind !== "lame") return undefined;
          delegation.noteLame(server, world.now());
          return meaning.reason;
        },
      };
      if (!("failed" in result)) return result;
    }
    const name = delegation.namesToFind(world.now()).find((each) => effort.takeServerName(each));
    if (name === undefined || effort.isSpent) return result;
    yield* findServer(world, delegation, name, task);
  }
}
