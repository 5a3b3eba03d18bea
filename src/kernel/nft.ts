/** nft's language, read and written by nft's own library inside this process: a tenth of what a process for it takes. */
import { NetloomError } from "../base/errors.ts";
import { closeDescriptor, openNamespace, runNftCommands, SystemCallError } from "./native.ts";

interface NftOptions {
  /** Path of a network namespace; absent: our own. */
  readonly namespacePath?: string;
  /** Listings without counters and other state, as `nft -s`. */
  readonly stateless?: boolean;
  /** Listings as JSON (libnftables-json(5)), as `nft -j`. */
  readonly json?: boolean;
  /** Ask the kernel whether it would take the commands, as `nft -c`; changes nothing. */
  readonly check?: boolean;
}

/**
 * What `nft -f -` does with these commands (nft(8)), in one transaction; hours in them are of this process's time zone.
 * @returns what was listed
 * @throws NetloomError command-failed with nft's words, tool-missing without libnftables
 */
export async function nft(commands: string, options: NftOptions = {}): Promise<string> {
  const namespace = options.namespacePath === undefined ? undefined : openNamespace(options.namespacePath);
  try {
    const result = await runNftCommands(commands, { ...options, ...(namespace === undefined ? {} : { namespace }) });
    if ("output" in result) return result.output;
    throw new NetloomError("command-failed", `nft: ${result.complaint.trim()}`);
  } catch (cause) {
    if (!(cause instanceof SystemCallError && cause.errnoName === "ENOPKG")) throw cause;
    throw new NetloomError("tool-missing", "nft: its library libnftables.so.1 is not installed", {
      cause,
      hint: "apt-get install nftables",
    });
  } finally {
    if (namespace !== undefined) closeDescriptor(namespace);
  }
}

/** Once loaded it stays. */
let libraryFound = false;

/** Whether {@link nft} finds its library. */
export async function hasNftLibrary(): Promise<boolean> {
  if (libraryFound) return true;
  try {
    await nft("", { check: true });
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    return error.code !== "tool-missing";
  }
  libraryFound = true;
  return true;
}
