/** Tables of nftables, as `nft list tables` shows them (linux/netfilter/nf_tables.h). */
import { forEachAttribute } from "../attribute.ts";
import { string } from "../codec.ts";
import { NLM_F_DUMP, type NetlinkMessage, type NetlinkRequest } from "../message.ts";

const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWTABLE = (NFNL_SUBSYS_NFTABLES << 8) | 0;
const NFT_MSG_GETTABLE = (NFNL_SUBSYS_NFTABLES << 8) | 1;
const NFTA_TABLE_NAME = 1;
/** struct nfgenmsg (linux/netfilter/nfnetlink.h): family, version, resource id. */
const NFGENMSG_BYTES = 4;

/** NFPROTO_* (linux/netfilter.h) in nft's words. */
const FAMILIES: Readonly<Record<number, string>> = {
  1: "inet",
  2: "ip",
  3: "arp",
  5: "netdev",
  7: "bridge",
  10: "ip6",
};

export interface NftTableName {
  readonly family: string;
  readonly name: string;
}

/** All tables of all families. To be sent to NETLINK_NETFILTER. */
export function dumpNftTables(): NetlinkRequest {
  return {
    type: NFT_MSG_GETTABLE,
    flags: NLM_F_DUMP,
    body: new Uint8Array(NFGENMSG_BYTES),
    operation: "list nft tables",
  };
}

/** A table of a dump; undefined for another message, one too short, or a family that nft has no word for. */
export function decodeNftTable({ type, source, start, end }: NetlinkMessage): NftTableName | undefined {
  if (type !== NFT_MSG_NEWTABLE || end - start < NFGENMSG_BYTES) return undefined;
  const family = FAMILIES[source.bytes[start] ?? 0];
  let name: string | undefined;
  forEachAttribute(source, start + NFGENMSG_BYTES, end, (attribute, from, to) => {
    if (attribute === NFTA_TABLE_NAME) name = string.decode(source, from, to);
  });
  return family === undefined || name === undefined ? undefined : { family, name };
}
