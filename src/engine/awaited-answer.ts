/** The answer to one question, which is waited for no longer than somebody likes. */
import { NetloomError } from "../base/errors.ts";

export interface Patience {
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

export class AwaitedAnswer<Answer> implements Disposable {
  /** What is said when nothing else comes: "no DHCP server answered". */
  trouble: string;
  readonly #answer = Promise.withResolvers<Answer>();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  readonly #abort: () => void;

  /** @param question "dhcp request eth0" */
  constructor(question: string, hint: string, trouble: string, { timeoutSeconds, signal }: Patience) {
    this.trouble = trouble;
    const fail = (reason: string): void =>
      this.reject(new NetloomError("no-dhcp-server", `${question}: ${reason}`, { hint }));
    this.#timer = setTimeout(() => fail(`${this.trouble} within ${timeoutSeconds} s`), timeoutSeconds * 1000);
    this.#abort = () => fail("it was interrupted");
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort);
  }

  resolve(answer: Answer): void {
    this.#answer.resolve(answer);
  }

  reject(error: unknown): void {
    this.#answer.reject(error);
  }

  /** @throws NetloomError no-dhcp-server when the time is over or the signal came; what it was rejected with */
  get promise(): Promise<Answer> {
    return this.#answer.promise;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#abort);
  }
}
