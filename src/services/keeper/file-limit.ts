/** Services need open files: what there are too few for is refused before it begins, instead of failing in the middle. */
import { NetloomError } from "../../base/errors.ts";
import type { OpenFiles } from "../../kernel/open-files.ts";

/** Of a DHCP server: two sockets, the leases and their lock; and what hears of changes in its namespace. */
const FILES_EACH = 8;
/** For commands, requests and guests. */
const RESERVE = 100;

/** @throws NetloomError too-many-files when so many more services do not find room */
export function refuseBeyondLimit(unit: string, starting: number, { limit, open }: OpenFiles): void {
  const needed = starting * FILES_EACH;
  if (starting === 0 || open + needed + RESERVE <= limit) return;
  throw new NetloomError(
    "too-many-files",
    `start ${starting} services of ${unit}: they need about ${needed} open files, and this process may have ${limit}, of which it has ${open}`,
    { hint: "Raise the limit: LimitNOFILE= in the daemon's service, or ulimit -n before it is started." },
  );
}
