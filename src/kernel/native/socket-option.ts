/** Options of sockets that more than one kind of socket sets. */
import { attempt, SystemCallError } from "./addon.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;

/** Beyond the system's limit where we may, else up to it. */
export function setReceiveBuffer(descriptor: number, bytes: number): void {
  const operation = `set the receive buffer of socket ${descriptor}`;
  try {
    attempt(operation, (addon) => addon.setSocketOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, hostInteger(bytes)));
  } catch (error) {
    if (!(error instanceof SystemCallError && error.errnoName === "EPERM")) throw error;
    attempt(operation, (addon) => addon.setSocketOption(descriptor, SOL_SOCKET, SO_RCVBUF, hostInteger(bytes)));
  }
}

/** An int in the machine's byte order, as socket options want it. */
export function hostInteger(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
