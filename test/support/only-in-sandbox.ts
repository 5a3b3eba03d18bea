/**
 * Global set-up of the vitest projects that change the network: they refuse to run where that would be the
 * machine's own. The sandbox and the guest set the variable.
 */
export function setup(): void {
  if (process.env["NETLOOM_SANDBOX"] === undefined) {
    throw new Error(
      "these tests change the network: run them as scripts/sandbox.sh COMMAND or scripts/vmtest.sh -- COMMAND",
    );
  }
}
