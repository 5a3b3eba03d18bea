/** Address families, and the create flags that every kind of object shares. */
import { familyOf, type IpAddress } from "../../base/address.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../message.ts";
import { AF_INET, AF_INET6, type CreateMode } from "./constants.ts";

/** AF_INET or AF_INET6. */
export function kernelFamily(address: IpAddress): number {
  return familyOf(address) === 4 ? AF_INET : AF_INET6;
}

export function createFlags({ exclusive = true, replace = false }: CreateMode): number {
  if (replace) return NLM_F_CREATE | NLM_F_REPLACE;
  return exclusive ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE;
}
