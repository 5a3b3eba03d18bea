/** The shell on a guest's serial console, as a person who attached to it would use it. */
import type { Socket } from "node:net";
import { connectUnixSocket } from "../../src/kernel/unix-socket.ts";
import { until } from "../support/network.ts";

/** An emulated guest on a busy machine. */
const PATIENCE_SECONDS = 60;

export class GuestShell implements Disposable {
  readonly #socket: Socket;
  #heard = "";
  #commands = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (piece) => {
      this.#heard += piece.toString().replaceAll("\r", "");
    });
  }

  /** @param path of the console's socket; the guest has its shell there already */
  static async open(path: string): Promise<GuestShell> {
    return new GuestShell(await connectUnixSocket(path));
  }

  /** Run one line. @returns what it printed */
  async run(line: string): Promise<string> {
    this.#commands++;
    const number = this.#commands;
    // The terminal echoes the line; the marks themselves only come from the shell.
    this.#socket.write(`echo "<$((${number}))"; ${line}; echo "$((${number}))>"\n`);
    const [start, end] = [`<${number}\n`, `${number}>\n`];
    await until(`the guest's answer to ${line}`, () => this.#answer(start, end) !== undefined, PATIENCE_SECONDS);
    return this.#answer(start, end) ?? "";
  }

  /** Run one line until it prints something that satisfies. @returns that */
  async waitFor(line: string, satisfies: (output: string) => boolean): Promise<string> {
    let output = "";
    await until(
      `in the guest: ${line}`,
      async () => {
        output = await this.run(line);
        return satisfies(output);
      },
      PATIENCE_SECONDS,
    );
    return output;
  }

  #answer(start: string, end: string): string | undefined {
    const from = this.#heard.indexOf(start);
    const to = this.#heard.indexOf(end, from);
    return from < 0 || to < 0 ? undefined : this.#heard.slice(from + start.length, to);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
