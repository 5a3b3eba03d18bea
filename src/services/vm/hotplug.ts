/**
 * NICs of a running guest: what is plugged, plugging and unplugging.
 *
 * What QEMU itself shows counts: devices with a name of their own are the children of /machine/peripheral, and each
 * tells the root port that it sits in. Unplugging is a request to the guest's system, which lets go of the device
 * when it likes.
 */
import { NetloomError } from "../../base/errors.ts";
import type { VmNic } from "../../state/object/vm.ts";
import { assignPorts, deviceProperties, netdevProperties, portNumber } from "./nic.ts";
import type { QmpClient } from "./qmp-client.ts";

/** Longer than a guest on an emulated host takes, which may also still be booting. */
const UNPLUG_MILLISECONDS = 30_000;
/** A guest that boots forgets what it was asked before it could listen. */
const ASK_AGAIN_MILLISECONDS = 2000;

const PERIPHERAL = "/machine/peripheral";

/** Devices by name, with the number of their port, and all ports. */
interface Plugged {
  readonly nics: ReadonlyMap<string, number | undefined>;
  readonly ports: readonly number[];
}

/** @throws NetloomError qmp-error, qmp-timeout, qmp-closed */
export async function listPlugged(qmp: QmpClient): Promise<Plugged> {
  const children = await qmp.execute("qom-list", { path: PERIPHERAL });
  const nics = new Map<string, number | undefined>();
  const ports: number[] = [];
  for (const child of Array.isArray(children) ? (children as unknown[]) : []) {
    const { name, type } = child as { readonly name?: unknown; readonly type?: unknown };
    if (typeof name !== "string") continue;
    if (type === "child<virtio-net-pci>") nics.set(name, await portOf(qmp, name));
    const port = portNumber(name);
    if (type === "child<pcie-root-port>" && port !== undefined) ports.push(port);
  }
  return { nics, ports };
}

async function portOf(qmp: QmpClient, device: string): Promise<number | undefined> {
  const bus = await qmp.execute("qom-get", { path: `${PERIPHERAL}/${device}`, property: "parent_bus" });
  return typeof bus === "string" ? portNumber(bus.split("/").at(-1) ?? "") : undefined;
}

/**
 * Plug a NIC in; the guest finds it when it looks. On failure nothing of it is left.
 * @param taps descriptors of its open tap, still the caller's to close
 * @throws NetloomError no-free-port, qmp-error, qmp-timeout, qmp-closed
 */
export async function plugNic(qmp: QmpClient, nic: VmNic, taps: readonly number[]): Promise<void> {
  // Of something that nobody finished.
  await unplugNic(qmp, nic.id);
  const port = await freePort(qmp, nic);
  const names = taps.map((_, i) => `${nic.id}.${i}`);
  for (const [i, descriptor] of taps.entries()) await qmp.passDescriptor(names[i]!, descriptor);
  await qmp.execute("netdev_add", netdevProperties(nic, names));
  try {
    await qmp.execute("device_add", deviceProperties(nic, port));
  } catch (error) {
    await deleteNetdev(qmp, nic.id);
    throw error;
  }
}

async function freePort(qmp: QmpClient, nic: VmNic): Promise<number> {
  const { nics, ports } = await listPlugged(qmp);
  const taken = new Set([...nics.values()].filter((port) => port !== undefined));
  const port = assignPorts([nic], taken).get(nic.id);
  if (port !== undefined && ports.includes(port)) return port;
  throw new NetloomError("no-free-port", `all ${ports.length} ports of the machine are in use`);
}

/**
 * Ask the guest to let go of a NIC, wait until it has, and close its tap. One that is not there is fine.
 * @param limitMilliseconds how long to wait
 * @throws NetloomError unplug-refused, qmp-timeout, qmp-closed
 */
export async function unplugNic(qmp: QmpClient, id: string, limitMilliseconds = UNPLUG_MILLISECONDS): Promise<void> {
  const deadline = performance.now() + limitMilliseconds;
  while (await isPlugged(qmp, id)) {
    if (performance.now() >= deadline) {
      const seconds = limitMilliseconds / 1000;
      throw new NetloomError("unplug-refused", `the guest's system does not let go of it within ${seconds} s`);
    }
    const answer = qmp.nextEvent(
      ({ event, data }) => ["DEVICE_DELETED", "DEVICE_UNPLUG_GUEST_ERROR"].includes(event) && data["device"] === id,
      ASK_AGAIN_MILLISECONDS,
    );
    try {
      await qmp.execute("device_del", { id });
    } catch (error) {
      // It went meanwhile, or is on its way; whether it is there still is asked again.
      if (!(error instanceof NetloomError && ["qmp-no-device", "qmp-error"].includes(error.code))) throw error;
    }
    if ((await answer)?.event === "DEVICE_UNPLUG_GUEST_ERROR") {
      throw new NetloomError("unplug-refused", "the guest's system refuses to let go of it");
    }
  }
  await deleteNetdev(qmp, id);
}

async function isPlugged(qmp: QmpClient, id: string): Promise<boolean> {
  return (await listPlugged(qmp)).nics.has(id);
}

/** Close the tap of a NIC that is not plugged any more; one that is closed already is fine. */
export async function deleteNetdev(qmp: QmpClient, id: string): Promise<void> {
  try {
    await qmp.execute("netdev_del", { id });
  } catch (error) {
    if (!(error instanceof NetloomError && error.code === "qmp-no-device")) throw error;
  }
}
