import { expect, test } from "vitest";
import { parseInvocation } from "../../src/apps/cli/command.ts";
import { dnsFlushCommand } from "../../src/apps/cli/commands/dns-cache.ts";

test("what is no name is wrong use, before anybody is asked", async () => {
  const invocation = parseInvocation(dnsFlushCommand, ["lan", "www..example.org"]);
  await expect(dnsFlushCommand.run(invocation)).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("www..example.org"),
  });
});
