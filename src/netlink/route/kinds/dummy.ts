/** dummy: a device that drops what it is given; it has no attributes of its own (drivers/net/dummy.c). */
import { linkKind } from "./kind.ts";

export const dummy = linkKind({ data: {} });
