/** What a link kind is: the name in IFLA_INFO_KIND, and the tables of its own data and of its ports' data. */
import { type AttributeTable, attributeTable, type Rows } from "../../attribute.ts";

export interface LinkKind<Data extends Rows = Rows, Port extends Rows = Rows> {
  /** IFLA_INFO_DATA */
  readonly data: AttributeTable<Data>;
  /** IFLA_INFO_SLAVE_DATA of links whose master is of this kind. */
  readonly port: AttributeTable<Port>;
}

const NO_ROWS = {} as const satisfies Rows;

export function linkKind<const Data extends Rows, const Port extends Rows = typeof NO_ROWS>(kind: {
  readonly data: Data;
  readonly port?: Port;
}): LinkKind<Data, Port> {
  return { data: attributeTable(kind.data), port: attributeTable(kind.port ?? (NO_ROWS as Port)) };
}
