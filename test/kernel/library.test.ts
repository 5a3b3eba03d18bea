import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { CHECKOUT } from "../support/guest-image.ts";

test("a program imports netloom/netlink by its name, changes the network and reads it back", () => {
  const program = `
    import { decodeLink, deleteLink, dumpLinks, newLink, RouteNetlink } from "netloom/netlink";
    const netlink = RouteNetlink.open();
    await netlink.execute([newLink({ kind: "bridge", name: "library0", mtuBytes: 1400 })]);
    const found = (await netlink.dump(dumpLinks(), decodeLink)).find((link) => link.name === "library0");
    await netlink.execute([deleteLink({ name: "library0" })]);
    await netlink.close();
    console.log(found.name, found.mtuBytes, found.kind);
  `;
  const result = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: CHECKOUT,
    encoding: "utf8",
  });
  expect(result).toMatchObject({ stdout: "library0 1400 bridge\n", stderr: "", status: 0 });
});
