/** Connects the terminal, raw, with a stream: a guest's serial console. */
import type { Socket } from "node:net";

/** Ctrl-], as telnet has it. */
const LEAVE = 0x1d;
/**
 * After the end of piped input the answer to it is still shown, until nothing came for so many turns of a clock: while
 * the machine stands still, and the guest with it, the clock turns once.
 */
const QUIET_TURNS = 10;
const TURN_MILLISECONDS = 100;

/**
 * Pass bytes both ways until the person presses Ctrl-], the input ends or the other side does. A terminal is put
 * into raw mode meanwhile, so that Ctrl-C goes to the guest.
 */
export async function attachTerminal(stream: Socket, greeting: string, say: (text: string) => void): Promise<void> {
  const { stdin, stdout } = process;
  const terminal = stdin.isTTY;
  if (terminal) stdin.setRawMode(true);
  say(greeting);
  let clock: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      stream.on("data", (bytes) => stdout.write(bytes));
      stream.once("close", () => resolve());
      stream.once("error", reject);
      stdin.on("data", (bytes: Buffer) => {
        const leave = terminal ? bytes.indexOf(LEAVE) : -1;
        stream.write(leave < 0 ? bytes : bytes.subarray(0, leave));
        if (leave >= 0) stream.end(resolve);
      });
      stdin.once("end", () => {
        let quietTurns = 0;
        stream.on("data", () => {
          quietTurns = 0;
        });
        clock = setInterval(() => {
          if (++quietTurns === QUIET_TURNS) resolve();
        }, TURN_MILLISECONDS);
      });
    });
  } finally {
    if (terminal) {
      stdin.setRawMode(false);
      say("");
    }
    clearInterval(clock);
    stdin.pause();
    stream.destroy();
  }
}
