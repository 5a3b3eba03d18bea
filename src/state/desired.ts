/** What there is to be: objects, and what else a file says. */
import type { IpAddress } from "../base/address.ts";
import type { StateObject } from "./object.ts";

/** What a network file says and no object shows: whoever is attached to its networks later must know it. */
export interface Declared {
  /** The file itself, where what it asks for follows a DHCP lease: it is compiled again when the lease changes. */
  readonly text?: string;
  /** Addresses of guests that are told none. */
  readonly reserved?: readonly IpAddress[];
  /** By network: what its machines are told about names, where the file says it. */
  readonly dns?: Readonly<
    Record<string, { readonly servers?: readonly IpAddress[]; readonly search?: readonly string[] }>
  >;
  /** Networks on which machines must not serve each other what the network's own server serves. */
  readonly guarded?: readonly string[];
}

/**
 * Desired state. `absent` lists foreign objects (as observed) that must not be there while ours are: the
 * planner deletes them, and what was deleted is restored when ours go.
 */
export interface Desired {
  readonly objects: readonly StateObject[];
  readonly absent: readonly StateObject[];
  /** Absent: nothing. */
  readonly declared?: Declared;
}

export const EMPTY: Desired = { objects: [], absent: [] };
