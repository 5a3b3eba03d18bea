/**
 * Why bytes from outside were refused. Returned and never thrown: hostile input is an everyday thing, not an
 * exception, and must not cost a stack trace.
 */
export class Malformed {
  /** For a log line or a counter: "IPv4 header: checksum". */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
