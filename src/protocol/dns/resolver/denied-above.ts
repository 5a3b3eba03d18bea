/**
 * Below a name that does not exist nothing exists (RFC 8020). Servers that deny names which have others below them are
 * still met; so that is concluded only from what a validating server has found proved, told with AD: the proof is of all
 * that is below, too.
 */
import { decodeDnsMessage } from "../../../wire/dns/codec.ts";
import type { DnsQuestion } from "../../../wire/dns/message.ts";
import { Malformed } from "../../../wire/malformed.ts";
import type { QuestionFlags } from "../cache/question-key.ts";
import { isNameDenial } from "../cache/denials.ts";
import { parentOf, selfAndAncestors } from "./names.ts";
import { readPiece } from "./piece.ts";
import { responseOf } from "./response.ts";
import type { Routes } from "./routes.ts";

/** Names above that are looked at: one with a hundred labels shall not take a hundred times as long. */
const MOST_ABOVE = 8;
const AUTHENTIC_DATA = 0x20;

/**
 * @param question its name in lower case
 * @param known a response that lives, if there is one
 * @returns a whole response that denies the name
 */
export function deniedAbove(
  question: DnsQuestion,
  flags: QuestionFlags,
  routes: Routes,
  known: (above: DnsQuestion) => Uint8Array | undefined,
): Uint8Array | undefined {
  let left = MOST_ABOVE;
  for (const name of selfAndAncestors(parentOf(question.name) ?? "")) {
    if (name === "" || left-- === 0) return undefined;
    const above = { ...question, name };
    const bytes = known(above);
    if (bytes === undefined) continue;
    // Who denied it has no say in names that others are asked about.
    const isProved = isNameDenial(bytes) && (bytes[3]! & AUTHENTIC_DATA) !== 0;
    if (!isProved || routes.of(name) !== routes.of(question.name)) return undefined;
    const message = decodeDnsMessage(bytes);
    return message instanceof Malformed
      ? undefined
      : responseOf(
          question,
          flags,
          readPiece(message, above, () => true),
        );
  }
  return undefined;
}
