import { expect, test } from "vitest";
import { parseInvocation } from "../../src/apps/cli/command.ts";
import { dhcp6ServeCommand } from "../../src/apps/cli/commands/dhcp6-serve.ts";

const LAN = ["--interface", "lan0"];

test.for<[string, string[]]>([
  ["--interface is missing", ["--stateless"]],
  ["--range, --delegate or --stateless is missing", LAN],
  ["exclude each other", [...LAN, "--stateless", "--range", "2001:db8::1-2001:db8::2"]],
  ["--range 2001:db8::1: not two addresses", [...LAN, "--range", "2001:db8::1"]],
  ["not a prefix and a length", [...LAN, "--delegate", "2001:db8:100::/40"]],
  ["192.0.2.1", [...LAN, "--stateless", "--dns", "192.0.2.1"]],
  ["not ID=ADDRESS or ID=PREFIX", [...LAN, "--stateless", "--host", "web=2001:db8::1"]],
  ["not a time such as", [...LAN, "--stateless", "--lease", "soon"]],
  ["an empty label", [...LAN, "--stateless", "--search", "example..org"]],
])("wrong use: %s", async ([reason, words]) => {
  const run = async (): Promise<number> => dhcp6ServeCommand.run(parseInvocation(dhcp6ServeCommand, words));
  await expect(run()).rejects.toMatchObject({ code: "usage", message: expect.stringContaining(reason) });
});
