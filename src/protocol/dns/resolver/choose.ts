/** Which of several servers is asked: the quickest as far as one knows, the others now and then. */
import { familyOf } from "../../../base/address.ts";
import { type RandomBits, randomShare } from "./random.ts";
import type { ServerRecord, Servers } from "./servers.ts";

/** Servers so close to each other are all used: who is asked is then hard to guess. */
const NEAR_SECONDS = 0.03;
/** The same for servers that are measured anyway. */
const MEASURED_NEAR_SECONDS = 0.001;
/** One that was never measured is taken for something up to this. */
const UNKNOWN_SECONDS = 0.4;
/** What an unanswered attempt counts as. */
const SILENCE_SECONDS = 1;
const DEAD_SECONDS = 1000;
const CUT_OFF_SECONDS = 100;
/** A server that is not the chosen one is measured again after so long. */
const MEASURE_AGAIN_SECONDS = 30;
/** The same for one that has just fallen silent. */
const LOOK_AGAIN_SECONDS = 2;

/**
 * Of the candidates one that this question went to least often, of these the one that promises the quickest answer.
 * @param tries how often the question went to whom
 */
export function chooseServer(
  candidates: readonly ServerRecord[],
  tries: (record: ServerRecord) => number,
  servers: Servers,
  random: RandomBits,
  options: { readonly measured: boolean; readonly now: number },
): ServerRecord | undefined {
  let best: ServerRecord | undefined;
  let bestTries = Number.POSITIVE_INFINITY;
  let bestSeconds = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const count = tries(candidate);
    if (count > bestTries) continue;
    const seconds = expectedSeconds(candidate, servers, random, options);
    if (count === bestTries && seconds >= bestSeconds) continue;
    best = candidate;
    bestTries = count;
    bestSeconds = seconds;
  }
  return best;
}

function expectedSeconds(
  record: ServerRecord,
  servers: Servers,
  random: RandomBits,
  { measured, now }: { readonly measured: boolean; readonly now: number },
): number {
  const share = randomShare(random);
  const near = measured ? MEASURED_NEAR_SECONDS : NEAR_SECONDS;
  const known = record.rttSeconds === undefined ? UNKNOWN_SECONDS * share : record.rttSeconds + near * share;
  const { address, onNetwork = false } = record.server;
  const cutOff = !onNetwork && servers.isCutOff(familyOf(address), now) ? CUT_OFF_SECONDS : 0;
  return known + SILENCE_SECONDS * record.silent + cutOff + (record.dead ? DEAD_SECONDS + record.probeAt / 1e9 : 0);
}

/** One beside the chosen one of which one should know more: a dead one that may be back, one not asked for long. */
export function serverToMeasure(
  candidates: readonly ServerRecord[],
  chosen: ServerRecord,
  now: number,
): ServerRecord | undefined {
  return candidates.find((candidate) => candidate !== chosen && isToMeasure(candidate, now));
}

export function isToMeasure(record: ServerRecord, now: number): boolean {
  if (record.dead) return record.probeAt <= now;
  return now - record.askedAt >= (record.silent > 0 ? LOOK_AGAIN_SECONDS : MEASURE_AGAIN_SECONDS);
}
