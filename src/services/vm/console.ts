/** Attaching to a guest's serial console. */
import type { Socket } from "node:net";
import { NetloomError, messageOf } from "../../base/errors.ts";
import { connectUnixSocket } from "../../kernel/unix-socket.ts";
import { type Lock, takeLock } from "../../store/lock.ts";
import type { VmFolder } from "./folder.ts";

interface VmConsole extends Disposable {
  readonly socket: Socket;
}

/**
 * Connect to the console. QEMU serves one at a time and lets others wait in silence, so whoever attaches holds a
 * lock meanwhile.
 * @throws NetloomError console-busy while another is attached, no-console when the guest does not run
 */
export async function openConsole(folder: VmFolder): Promise<VmConsole> {
  const lock = lockConsole(folder);
  try {
    const socket = await connectUnixSocket(folder.file("consoleSocket"));
    const close = (): void => {
      socket.destroy();
      lock.release();
    };
    return { socket, [Symbol.dispose]: close };
  } catch (cause) {
    lock.release();
    throw new NetloomError("no-console", `console of VM ${folder.name}: ${messageOf(cause)}`, {
      hint: "The guest does not run; without --attach its last output is shown.",
      cause,
    });
  }
}

function lockConsole(folder: VmFolder): Lock {
  try {
    return takeLock(folder.file("consoleLock"), "vm console --attach");
  } catch (cause) {
    if (!(cause instanceof NetloomError && cause.code === "locked")) throw cause;
    const holder = cause.message.replace(/^.*: held by /, "");
    throw new NetloomError("console-busy", `console of VM ${folder.name}: another terminal is attached: ${holder}`, {
      hint: "Leave it there with Ctrl-]; without --attach the guest's output is shown meanwhile.",
      cause,
    });
  }
}
