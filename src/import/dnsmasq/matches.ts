/** What sets a tag on clients that are alike, as the match of a class. */
import { findOption } from "../../wire/dhcp4/option-text.ts";
import type { Match } from "../draft.ts";
import type { Line } from "./lines.ts";

const VENDOR_CLASS = 60;
const USER_CLASS = 77;
const ARCHITECTURE = 93;
/** Options of its own that iPXE puts into its messages. */
const IPXE_ENCAPSULATED = 175;

/** "option:client-arch" or "93". */
function optionCode(text: string): number | undefined {
  const name = text.replace(/^option:/, "");
  if (name !== text || /^\d+$/.test(name)) return findOption(name)?.code;
  return undefined;
}

/** Undefined: it cannot be said in a network file. `words` are those behind `set:TAG`. */
export function readMatch({ key }: Line, words: readonly string[]): Match | undefined {
  const [first = "", second] = words;
  switch (key) {
    case "dhcp-vendorclass":
      return first === "" || first.startsWith("enterprise:") ? undefined : { vendor: first };
    case "dhcp-userclass":
      return first === "" ? undefined : { user: first };
    case "dhcp-mac":
      return macPrefix(first);
    case "dhcp-match":
      return readOptionMatch(optionCode(first), second);
    default:
      return undefined;
  }
}

function readOptionMatch(code: number | undefined, value: string | undefined): Match | undefined {
  if (code === IPXE_ENCAPSULATED) return { user: "iPXE" };
  if (value === undefined || value === "") return undefined;
  const words = value.replace(/\*$/, "");
  if (code === VENDOR_CLASS) return { vendor: words };
  if (code === USER_CLASS) return { user: words };
  return code === ARCHITECTURE && /^\d{1,5}$/.test(value) ? { architecture: [Number(value)] } : undefined;
}

/** "52:54:00:*:*:*" as "52:54:00"; undefined where a star stands in front of a byte. */
export function macPrefix(text: string): Match | undefined {
  const [, bytes] = /^(?:0?1-)?((?:[0-9a-f]{1,2}:)*[0-9a-f]{1,2})(?::\*)*$/i.exec(text) ?? [];
  if (bytes === undefined || text.replace(/^0?1-/, "").split(":").length !== 6) return undefined;
  return {
    mac: bytes
      .toLowerCase()
      .split(":")
      .map((byte) => byte.padStart(2, "0"))
      .join(":"),
  };
}
