import { describe, expect, test } from "vitest";
import { toHex } from "../../../src/base/bytes.ts";
import { NetloomError } from "../../../src/base/errors.ts";
import { DHCP4_OPTION, type Dhcp4Option } from "../../../src/wire/dhcp4/option-table.ts";
import { parseOption } from "../../../src/wire/dhcp4/option-text.ts";

const OPTIONS: Dhcp4Option<unknown>[] = Object.values(DHCP4_OPTION);

function hintOf(words: string): string | undefined {
  try {
    parseOption(words);
  } catch (error) {
    if (error instanceof NetloomError && error.code === "bad-option") return error.hint;
    throw error;
  }
  return undefined;
}

describe("options as people write them", () => {
  test.each([
    ["ntp-servers=192.0.2.1,192.0.2.2", 42, "c0000201c0000202"],
    ["ntp-server=192.0.2.1", 42, "c0000201"],
    ["42=192.0.2.1", 42, "c0000201"],
    ["MTU=1450", 26, "05aa"],
    ["time-offset=-3600", 2, "fffff1f0"],
    ["ip-forward-enable=on", 19, "01"],
    ["path-mtu-plateau-table=68,1500", 25, "004405dc"],
    ["tftp-server-name=tftp=1.example.org", 66, "746674703d312e6578616d706c652e6f7267"],
    ["domain-search=a.org,org", 119, "0161036f726700c002"],
    ["v4-lost=a.org", 137, "0161036f726700"],
    ["static-routes=198.51.100.7 192.0.2.1", 33, "c6336407c0000201"],
    ["classless-static-routes=198.51.100.0/24 via 192.0.2.1, 0.0.0.0/0 192.0.2.9", 121, "18c63364c000020100c0000209"],
    ["v6-only-preferred=1800", 108, "00000708"],
    ["224=0a:0b 0c", 224, "0a0b0c"],
    ["vendor-encap=0x0104", 43, "0104"],
  ])("%s", (words, code, hex) => {
    const [parsed, bytes] = parseOption(words);
    expect([parsed, toHex(bytes)]).toEqual([code, hex]);
  });

  test.each([
    ["mtu=1e3", "not a whole number"],
    ["mtu=70000", "0 to 65535"],
    ["routers=192.0.2.256", "four numbers"],
    ["routers=", "four numbers"],
    ["root-path=", "is empty"],
    ["ip-forwarding=maybe", "true or false"],
    ["static-routes=192.0.2.1", "four numbers"],
    ["classless-static-routes=2001:db8::/32 192.0.2.1", "four numbers"],
    ["224=words", "pairs of digits"],
    ["224=", "empty"],
    ["rapid-commit=false", "absent"],
    ["no-such-option=1", "none of that name"],
    ["255=00", "none of that name"],
    ["0=00", "none of that name"],
    ["routers", "none of that name"],
  ])("refused: %s", (words, reason) => {
    expect(() => parseOption(words)).toThrow(reason);
  });

  test("every option of the table can be written as its own hint says, and no name stands for two", () => {
    const settable = OPTIONS.filter((option) => option.code !== DHCP4_OPTION.messageType.code);
    for (const { code, names } of settable) {
      const example = hintOf(`${names[0]!}=\u0000..`)!.replace("Write it as ", "");
      expect(parseOption(example)[0]).toBe(code);
    }
    const names = OPTIONS.flatMap((option) => option.names);
    expect(names.filter((name, i) => names.indexOf(name) !== i || name !== name.toLowerCase())).toEqual([]);
  });
});
