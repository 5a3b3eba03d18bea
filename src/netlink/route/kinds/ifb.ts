/** ifb: the intermediate device that incoming traffic is shaped on; no attributes of its own (drivers/net/ifb.c). */
import { linkKind } from "./kind.ts";

export const ifb = linkKind({ data: {} });
