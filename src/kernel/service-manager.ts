/** What systemd is told of its service, sd_notify(3). */
import { sendUnixDatagram } from "./unix-socket.ts";

/**
 * Tell whoever started this process as a service of Type=notify that it is ready. Nothing happens where nobody asked
 * for it; programs that are started later do not see the socket.
 * @throws SystemCallError when the socket does not take it
 */
export function notifyReady(): void {
  const socket = process.env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return;
  delete process.env["NOTIFY_SOCKET"];
  sendUnixDatagram(socket, "READY=1");
}
