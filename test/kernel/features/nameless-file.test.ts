import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { Folder } from "../../support/network.ts";

const MODULE = new URL("../../../src/kernel/nameless-file.ts", import.meta.url).href;
const SCRIPT = `
  import { closeSync, fstatSync, readdirSync, writeFileSync } from "node:fs";
  import { openNameless, openNamelessHandle } from ${JSON.stringify(MODULE)};
  const descriptor = openNameless();
  writeFileSync(descriptor, "image");
  const handle = await openNamelessHandle();
  await handle.writeFile("text");
  const { size, nlink } = await handle.stat();
  const { mode } = fstatSync(descriptor);
  console.log(fstatSync(descriptor).size, size, nlink, (mode & 0o777).toString(8), readdirSync(process.env.TMPDIR).length);
  closeSync(descriptor);
  await handle.close();`;

test.each([
  ["with files that never have a name", () => []],
  // As NFS answers each thread, the first time.
  [
    "without them",
    (folder: string) => [
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      "-P",
      folder,
      "-e",
      "inject=openat:error=EOPNOTSUPP:when=1",
    ],
  ],
])("on a file system %s a file without a name is opened", (_, before) => {
  using folder = new Folder();
  const place = folder.join("tmp");
  mkdirSync(place);
  const [program, ...words] = [...before(place), process.execPath, "--input-type=module", "-e", SCRIPT];
  const environment = { ...process.env, TMPDIR: place };
  const told = execFileSync(program, words, { encoding: "utf8", env: environment });
  expect(told).toBe("5 4 0 600 0\n");
  expect(readdirSync(place)).toEqual([]);
});
