/** Lists of servers in named.conf: who is asked, on which port, and over what. */
import type { Budget } from "../budget.ts";
import type { Located } from "../draft.ts";
import type { Origin, Problems } from "../problem.ts";
import { readIp } from "./addresses.ts";
import type { NamedConfiguration } from "./configuration.ts";
import type { Statement } from "./statements.ts";

const MOST_DEPTH = 8;
const DNS_PORT = "53";
const DNS_TLS_PORT = "853";
const CERTIFICATE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;

/** What a list says for those of its entries that do not say it themselves. */
interface Common {
  readonly port?: string | undefined;
  /** "none", "ephemeral", or the name of a tls statement. */
  readonly tls?: string | undefined;
}

export class ServerLists {
  readonly #configuration: NamedConfiguration;
  readonly #problems: Problems;
  /** Lists name others, which name others: together they may be endless. */
  readonly #budget: Budget;

  constructor(
    configuration: NamedConfiguration,
    { budget, problems }: { readonly budget: Budget; readonly problems: Problems },
  ) {
    this.#configuration = configuration;
    this.#budget = budget;
    this.#problems = problems;
  }

  /** Who is asked: "192.0.2.53", "192.0.2.53#5353", "tls://192.0.2.53/dns.example". */
  servers({ words, block = [] }: Statement, around: Common = {}, depth = 0): Located<string>[] {
    const common = commonOf(words.slice(1), around);
    return block.flatMap(({ words: [address = "", ...further], origin }) => {
      if (!this.#budget.take(1, origin)) return [];
      const own = commonOf(further, common);
      if (further.includes("key"))
        this.#problems.tell(origin, "servers are asked without a key", "see whether the server answers without it");
      const list = this.#configuration.lists.get(address);
      if (list !== undefined && depth < MOST_DEPTH) return this.servers(list, own, depth + 1);
      const ip = readIp(address);
      if (ip === undefined) {
        this.#problems.tell(origin, `${address} is no address of a server`, "write one such as 192.0.2.53");
        return [];
      }
      const isSecure = own.tls !== undefined && own.tls !== "none";
      const usual = isSecure ? DNS_TLS_PORT : DNS_PORT;
      const endpoint = own.port === undefined || own.port === usual ? ip : `${ip}#${own.port}`;
      const value = isSecure ? `tls://${endpoint}${this.#certificateName(own.tls, endpoint, origin)}` : endpoint;
      return [{ value, origin: { ...origin } }];
    });
  }

  /** "/dns.example", or nothing where none is said: then the certificate has to be for the address. */
  #certificateName(tls: string, endpoint: string, origin: Origin): string {
    const settings = this.#configuration.tls.get(tls)?.block ?? [];
    const valueOf = (key: string): string | undefined => settings.find(({ words }) => words[0] === key)?.words[1];
    const name = valueOf("remote-hostname")?.replace(/\.$/, "");
    if (valueOf("ca-file") !== undefined)
      this.#problems.tell(
        origin,
        `certificates are checked by the authorities of the program, not those of tls ${tls}`,
        "name the file in NODE_EXTRA_CA_CERTS if they are of an authority of your own",
      );
    if (valueOf("cert-file") !== undefined)
      this.#problems.tell(origin, "no certificate is shown to servers", "see whether the server answers without it");
    if (name !== undefined && CERTIFICATE_NAME.test(name)) return `/${name}`;
    this.#problems.tell(
      origin,
      "no name for its certificate stands here, which is checked and so has to be for the address",
      `write tls://${endpoint}/NAME`,
    );
    return "";
  }
}

function commonOf(words: readonly string[], around: Common): Common {
  const behind = (key: string): string | undefined => (words.includes(key) ? words[words.indexOf(key) + 1] : undefined);
  return { port: behind("port") ?? around.port, tls: behind("tls") ?? around.tls };
}
