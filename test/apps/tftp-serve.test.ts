import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { parseInvocation } from "../../src/apps/cli/command.ts";
import { tftpServeCommand } from "../../src/apps/cli/commands/tftp-serve.ts";

const HERE = tmpdir();

const run = async (words: readonly string[]): Promise<number> =>
  tftpServeCommand.run(parseInvocation(tftpServeCommand, words));

describe("wrong use is told before anything is opened", () => {
  test.each([
    ["no address", [HERE], "--listen is missing"],
    ["a name", [HERE, "--listen", "server"], "server"],
    ["no address before the port", [HERE, "--listen", "#69"], "#69"],
    ["port 0", [HERE, "--listen", "192.0.2.1#0"], "192.0.2.1#0"],
    ["port 65536", [HERE, "--listen", "192.0.2.1#65536"], "192.0.2.1#65536"],
    ["a port as of a URL", [HERE, "--listen", "192.0.2.1:69"], "192.0.2.1:69"],
    ["an address of every link", [HERE, "--listen", "fe80::1"], "link-local"],
    ["a folder that is not there", [`${HERE}/netloom-none`, "--listen", "192.0.2.1"], "netloom-none"],
    ["a file", [process.execPath, "--listen", "192.0.2.1"], "it is no folder"],
    ["a quota without uploads", [HERE, "--listen", "192.0.2.1", "--quota", "1G"], "need --write"],
    ["a quota of nothing", [HERE, "--listen", "192.0.2.1", "--write", "--quota", "0"], "--quota 0"],
    ["a quota with an odd unit", [HERE, "--listen", "192.0.2.1", "--write", "--quota", "1X"], "--quota 1X"],
    ["an MTU that IPv4 does not allow", [HERE, "--listen", "192.0.2.1", "--mtu", "67"], "--mtu 67"],
  ])("%s", async (_, words, said) => {
    await expect(run(words)).rejects.toMatchObject({ code: "usage", message: expect.stringContaining(said) });
  });
});
