/** Connects the terminal, raw, with a stream: a guest's serial console. */
import type { Socket } from "node:net";

/** Ctrl-], as telnet has it. */
const LEAVE = 0x1d;
/** After the end of piped input the answer to it is still shown, until nothing came for so long. */
const QUIET_MILLISECONDS = 1000;

/**
 * Pass bytes both ways until the person presses Ctrl-], the input ends or the other side does. A terminal is put
 * into raw mode meanwhile, so that Ctrl-C goes to the guest.
 */
export async function attachTerminal(stream: Socket, greeting: string, say: (text: string) => void): Promise<void> {
  const { stdin, stdout } = process;
  const terminal = stdin.isTTY;
  if (terminal) stdin.setRawMode(true);
  say(greeting);
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
        let quiet = setTimeout(resolve, QUIET_MILLISECONDS);
        stream.on("data", () => {
          clearTimeout(quiet);
          quiet = setTimeout(resolve, QUIET_MILLISECONDS);
        });
      });
    });
  } finally {
    if (terminal) {
      stdin.setRawMode(false);
      say("");
    }
    stdin.pause();
    stream.destroy();
  }
}
