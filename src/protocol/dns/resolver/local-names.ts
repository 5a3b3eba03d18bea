import type { DnsQuestion } from "../../../wire/dns/message.ts";

/** Names that are answered without asking anybody: no other server is asked about them, or believed. In lower case. */
export interface LocalNames {
  has(name: string): boolean;
  /** A whole response, without OPT, to a question about such a name. */
  answer(question: DnsQuestion): Uint8Array;
}
