/** What the importers of all formats are given beside the text. */
import type { Ipv4Prefix } from "../base/address.ts";
import type { Included } from "./included.ts";
import type { Problems } from "./problem.ts";

export interface ImportOptions {
  readonly included: Included;
  /** The subnet that this host is on: relay agents bring the messages of all others. */
  readonly link?: Ipv4Prefix;
  readonly problems: Problems;
}
