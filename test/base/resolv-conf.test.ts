import { expect, test } from "vitest";
import { parseResolvConf } from "../../src/base/resolv-conf.ts";

test.each([
  ["nothing", "", { servers: [], search: [] }],
  [
    "comments and options",
    "# nameserver 192.0.2.1\n; search example.org\noptions ndots:5\n",
    { servers: [], search: [] },
  ],
  [
    "a pod of Kubernetes",
    "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 192.0.2.53\noptions ndots:5\n",
    { servers: ["192.0.2.53"], search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"] },
  ],
  [
    "both families, tabs, carriage returns",
    "nameserver\t192.0.2.53\r\n nameserver 2001:DB8::53\r\n",
    { servers: ["192.0.2.53", "2001:db8::53"], search: [] },
  ],
  [
    "the last of domain and search counts",
    "search a.org b.org\ndomain example.org\n",
    { servers: [], search: ["example.org"], domain: "example.org" },
  ],
  ["search after domain", "domain example.org\nsearch a.org. .\n", { servers: [], search: ["a.org"] }],
  [
    "no address, a zone, one twice",
    "nameserver localhost\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver\n",
    { servers: ["192.0.2.1"], search: [] },
  ],
])("%s", (_, text, expected) => {
  expect(parseResolvConf(text)).toEqual(expected);
});
