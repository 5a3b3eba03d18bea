/** Findings about privilege, programs, KVM and what the kernel has. */
import { type Abilities, PROGRAMS } from "./abilities.ts";
import type { HostFacts } from "./facts.ts";
import { type Finding, ok } from "./finding.ts";

export function abilityFindings(facts: HostFacts): Finding[] {
  const { abilities } = facts;
  return [
    ...privilege(facts),
    nftLibrary(abilities.nftLibrary),
    ...PROGRAMS.map((name) => program(name, abilities.programs[name])),
    virtualization(abilities),
    kvm(abilities),
    tunDevice(abilities.tunDevice),
    ...linkKinds(abilities.linkKinds),
    ...nftFamilies(abilities),
    ...qdiscs(abilities.qdiscs),
  ];
}

function privilege({ missingCapabilities }: HostFacts): Finding[] {
  if (missingCapabilities.length === 0) return [ok("privilege", "all capabilities that netloom needs are there")];
  return missingCapabilities.map(({ name, purpose }) => ({
    id: `capability ${name}`,
    level: "problem",
    what: `this process lacks ${name} (${purpose})`,
    consequence:
      name === "CAP_NET_ADMIN"
        ? "only `plan` works, and link kinds, packet filters and what others filter were not looked at here"
        : "only `plan` works",
    remedy: "sudo netloom doctor",
  }));
}

function nftLibrary(installed: boolean): Finding {
  const id = "nftables";
  if (installed) return ok(id, "nft's library is installed");
  return {
    id,
    level: "problem",
    what: "nft's library libnftables.so.1 is not installed",
    consequence: "no router, port filter or binding can be made, and what other software filters cannot be seen",
    remedy: "apt-get install nftables",
  };
}

const PROGRAM_RULES: Readonly<
  Record<(typeof PROGRAMS)[number], Pick<Finding, "level"> & { readonly consequence: string; readonly package: string }>
> = {
  ip: {
    level: "info",
    consequence: "netloom does without it, but the commands that plans show cannot be typed",
    package: "iproute2",
  },
  nft: {
    level: "info",
    consequence: "netloom does without it, but the commands that plans show cannot be typed",
    package: "nftables",
  },
  nsenter: {
    level: "problem",
    consequence: "nothing can be run in a namespace: no guest, no packet filter of a pod",
    package: "util-linux",
  },
  "qemu-system-x86_64": {
    level: "warning",
    consequence: "machines of kind vm cannot be started; networks and bindings work",
    package: "qemu-system-x86",
  },
  iptables: {
    level: "info",
    consequence: "accept rules cannot be added where software like Docker drops what is forwarded",
    package: "iptables",
  },
};

function program(name: (typeof PROGRAMS)[number], installed: boolean): Finding {
  const id = `program ${name}`;
  if (installed) return ok(id, `the program ${name} is installed`);
  const { level, consequence, package: packageName } = PROGRAM_RULES[name];
  return {
    id,
    level,
    what: `the program ${name} is not installed`,
    consequence,
    remedy: `apt-get install ${packageName}`,
  };
}

function virtualization({ virtualization: flag }: Abilities): Finding {
  if (flag !== undefined) return ok("virtualization", `the processor has ${flag}`);
  return {
    id: "virtualization",
    level: "info",
    what: "the processor shows neither vmx nor svm",
    consequence: "guests run under TCG, about ten times slower",
    remedy: "Turn virtualization on in the firmware; on a virtual machine, nested virtualization in its hypervisor.",
  };
}

function kvm({ kvm: trial, virtualization: flag }: Abilities): Finding {
  const id = "kvm";
  if (trial === undefined)
    return { id, level: "info", what: "whether a guest boots under KVM is not known: QEMU is not installed" };
  if (trial.works) return ok(id, "a guest boots under /dev/kvm");
  const remedies: Readonly<Record<string, string>> = {
    "there is no /dev/kvm":
      flag === undefined
        ? "None, until the processor shows vmx or svm: machines whose accelerator is auto run under TCG by themselves."
        : `modprobe ${flag === "vmx" ? "kvm_intel" : "kvm_amd"}`,
    "/dev/kvm may not be opened by this user": "usermod --append --groups kvm USER",
  };
  const remedy =
    remedies[trial.reason] ??
    "None is needed: machines whose accelerator is auto run under TCG by themselves. On a virtual machine, its hypervisor's nested virtualization is at fault.";
  return {
    id,
    level: "warning",
    what: `KVM does not work: ${trial.reason}`,
    consequence: "guests run under TCG, about ten times slower; a machine that insists on KVM is refused",
    remedy,
  };
}

function tunDevice(state: Abilities["tunDevice"]): Finding {
  const id = "tun-device";
  if (state === "usable") return ok(id, "/dev/net/tun can be opened");
  return {
    id,
    level: "problem",
    what: state === "missing" ? "there is no /dev/net/tun" : "/dev/net/tun may not be opened by this user",
    consequence: "no tap can be made, so no guest and no binding can be attached",
    remedy: state === "missing" ? "modprobe tun" : "chmod 0666 /dev/net/tun",
  };
}

const LINK_CONSEQUENCES: Readonly<Record<string, string>> = {
  bridge: "no network can be made",
  veth: "no pod can be attached to a network",
  dummy: "the binding bridge keeps the pod's MAC and addresses on a bridge without ports instead",
  macvlan: "the binding macvtap cannot be made with DHCP",
  macvtap: "the binding macvtap cannot be made",
};

function linkKinds(kinds: Abilities["linkKinds"]): Finding[] {
  return Object.entries(kinds ?? {}).flatMap(([kind, there]): Finding[] => {
    const id = `link-kind ${kind}`;
    // What is missing of taps is told of their device.
    if (kind === "tun") return [];
    if (there) return [ok(id, `the kernel makes links of kind ${kind}`)];
    return [
      {
        id,
        level: kind === "bridge" || kind === "veth" ? "problem" : "info",
        what: `the kernel cannot make links of kind ${kind}`,
        ...(LINK_CONSEQUENCES[kind] === undefined ? {} : { consequence: LINK_CONSEQUENCES[kind] }),
        // Asking has loaded the module already, where there is one that may be loaded.
        remedy: `modprobe ${kind}${kind === "dummy" ? " numdummies=0" : ""} # tells why; without such a module, boot a kernel that has it`,
      },
    ];
  });
}

const FAMILY_CONSEQUENCES: Readonly<Record<string, string>> = {
  ip: "no IPv4 router can be made",
  ip6: "no IPv6 router can be made",
  inet: "netloom itself does without it",
  bridge: "machines can serve DHCP to each other, and the binding bridge cannot be made",
  netdev: "the binding macvtap cannot be made with DHCP",
};

function nftFamilies({ nftFamilies: families, netdevEgress }: Abilities): Finding[] {
  const findings = Object.entries(families ?? {}).map(([family, complaint]): Finding => {
    const id = `nft-family ${family}`;
    if (complaint === "") return ok(id, `nf_tables takes chains of family ${family}`);
    return {
      id,
      level: family === "inet" || family === "netdev" ? "info" : "problem",
      what: `nf_tables takes no chain of family ${family}: ${complaint}`,
      ...(FAMILY_CONSEQUENCES[family] === undefined ? {} : { consequence: FAMILY_CONSEQUENCES[family] }),
      remedy: family === "bridge" ? "modprobe nf_tables_bridge" : "modprobe nf_tables",
    };
  });
  if (netdevEgress === undefined) return findings;
  return [
    ...findings,
    netdevEgress
      ? ok("nft-egress", "nf_tables hooks what leaves a device")
      : {
          id: "nft-egress",
          level: "info",
          what: "nf_tables cannot hook what leaves a device",
          consequence: "the binding macvtap serves its guest no DHCP",
          remedy: "Use Linux 5.16 and nft 1.0.1 or newer.",
        },
  ];
}

/** Nothing of netloom is made of them yet: what is missing is only told. */
function qdiscs(kinds: Abilities["qdiscs"]): Finding[] {
  if (kinds === undefined) return [];
  const missing = Object.entries(kinds).flatMap(([kind, there]) => (there ? [] : [kind]));
  if (missing.length === 0) return [ok("qdiscs", `the kernel has the queues ${Object.keys(kinds).join(", ")}`)];
  return [
    {
      id: "qdiscs",
      level: "info",
      what: `the kernel has no queues of kind ${missing.join(", ")}`,
      consequence: "none for networks of netloom; shaping of your own by tc has to do without them",
      remedy: missing.map((kind) => `modprobe sch_${kind === "clsact" ? "ingress" : kind}`).join("; "),
    },
  ];
}
