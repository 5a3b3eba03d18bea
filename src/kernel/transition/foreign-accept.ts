/** Accept rules of ours in iptables chains of others, marked by their comment. */
import { NetloomError } from "../../base/errors.ts";
import { markOf } from "../../state/mark.ts";
import type { ForeignAcceptObject } from "../../state/object/kernel.ts";
import { run } from "../run.ts";
import { namespacePath } from "./namespace-path.ts";

const LOCK_SECONDS = "5";

/** `iptables -I CHAIN … -j ACCEPT`. @throws NetloomError command-failed, tool-missing */
export async function insertAccept(object: ForeignAcceptObject): Promise<void> {
  await iptables(object, "-I");
}

/** `iptables -D CHAIN …`, when the rule is there. @throws NetloomError command-failed, tool-missing */
export async function deleteAccept(object: ForeignAcceptObject): Promise<void> {
  try {
    await iptables(object, "-C");
  } catch (error) {
    if (error instanceof NetloomError && /Bad rule|No chain/.test(error.message)) return;
    throw error;
  }
  await iptables(object, "-D");
}

function iptables(object: ForeignAcceptObject, action: "-I" | "-C" | "-D"): Promise<string> {
  const { family = 4, backend, chain, inInterface, outInterface, establishedOnly, key, namespace } = object;
  const words = [
    "-w",
    LOCK_SECONDS,
    action,
    chain,
    ...(inInterface === undefined ? [] : ["-i", inInterface]),
    ...(outInterface === undefined ? [] : ["-o", outInterface]),
    ...(establishedOnly === true ? ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"] : []),
    "-m",
    "comment",
    "--comment",
    markOf(key),
    "-j",
    "ACCEPT",
  ];
  return run(
    `${family === 4 ? "iptables" : "ip6tables"}-${backend}`,
    words,
    namespace === "" ? {} : { namespacePath: namespacePath(namespace) },
  );
}
