/** What once failed stands as a file in crashes/dhcp4, beside inputs made by hand for what a decoder may stumble over. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { fromHex } from "../../src/base/bytes.ts";
import { fuzz } from "./fuzz.ts";
import { checkSingleDhcp4, DHCP4 } from "./targets/dhcp4.ts";

const CRASHES = join(import.meta.dirname, "crashes/dhcp4");

test.each(readdirSync(CRASHES))("crash input %s", (name) => {
  checkSingleDhcp4(fromHex(readFileSync(join(CRASHES, name), "utf8")));
});

fuzz(DHCP4);
