/** A question to servers that resolve for us. */
import type { DnsMessage } from "../../../wire/dns/message.ts";
import { EXTENDED_ERROR } from "../../../wire/dns/extended-error.ts";
import { DNS_TYPE } from "../../../wire/dns/types.ts";
import { inquiryKey } from "./inquiries.ts";
import type { InquiryRequest } from "./inquiry.ts";
import { type Piece, readPiece } from "./piece.ts";
import type { Route } from "./routes.ts";
import type { Failure, Task, Work, World } from "./world.ts";

export function* forward(world: World, route: Route, task: Task): Work<Piece | Failure> {
  const { question } = task;
  const request = requestTo(route, task);
  if (route.mayIterate && world.servers.areAllDead(route.upstreams)) {
    world.measure(request);
    return { failed: "all servers are dead" };
  }
  const result = yield request;
  if ("failed" in result) return result;
  // What another server is to be asked about is not taken from this one.
  const piece = readPiece(result.message, question, (name) => world.routes.of(name) === route);
  world.counters.badAnswers.bailiwick += piece.dropped;
  return piece;
}

/**
 * Whether a server that fails is one that finds signatures wrong and does not say so, as many do not: asked not to check
 * them it answers (RFC 4035 §3.2.2). When it answers the question itself by now it had failed for another reason.
 * @returns undefined: it fails as well without checking
 */
export function* askUnchecked(world: World, route: Route, task: Task): Work<Piece | Failure | undefined> {
  if (task.flags.checkingDisabled) return undefined;
  const unchecked = yield* forward(world, route, { ...task, flags: { ...task.flags, checkingDisabled: true } });
  if ("failed" in unchecked) return undefined;
  const again = yield* forward(world, route, task);
  return "failed" in again ? { ...again, verdict: again.verdict ?? EXTENDED_ERROR.DNSSEC_BOGUS } : again;
}

function requestTo(route: Route, { question, flags, effort }: Task): InquiryRequest {
  const asked = { question, recursionDesired: true, ...flags };
  return {
    ...asked,
    key: inquiryKey(`domain ${route.domain}`, asked),
    servers: route.upstreams,
    measured: true,
    patient: !route.mayIterate,
    effort,
    unusable: refersElsewhere,
  };
}

/** A server that does not resolve for us sends us to others. */
function refersElsewhere(message: DnsMessage): string | undefined {
  const { authoritative, recursionAvailable, answers, authorities } = message;
  const isReferral =
    answers.length === 0 &&
    authorities.some(({ type }) => type === DNS_TYPE.NS) &&
    !authorities.some(({ type }) => type === DNS_TYPE.SOA);
  return isReferral && !authoritative && !recursionAvailable ? "does not resolve" : undefined;
}
