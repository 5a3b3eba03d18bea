/** The NICs of one guest while it runs: brought to what is wanted, with note of what may be plugged. */
import { NetloomError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { VmNic, VmObject } from "../../state/object/vm.ts";
import { keptNics } from "../../state/vm.ts";
import { deleteNetdev, plugNic, unplugNic } from "./hotplug.ts";
import type { QmpClient } from "./qmp-client.ts";
import { closeTaps, openTaps } from "./taps.ts";

interface RunningGuest {
  /** As noted, with the NICs that may be plugged; undefined: it does not run. */
  machine(): VmObject | undefined;
  /** Note other NICs, durably. */
  note(nics: readonly VmNic[]): void;
  /** @throws NetloomError vm-unresponsive */
  monitor(): QmpClient;
  readonly log: Logger;
}

export class GuestNics {
  readonly #guest: RunningGuest;
  /** The NIC that is being unplugged. */
  #leaving: string | undefined;

  constructor(guest: RunningGuest) {
    this.#guest = guest;
  }

  /** Those that are plugged; none when the guest does not run. */
  present(): readonly VmNic[] {
    return this.#guest.machine()?.nics ?? [];
  }

  /** Plug in what the running guest lacks, after unplugging what it has otherwise. @throws NetloomError plug-failed, unplug-failed */
  async bring(wanted: readonly VmNic[]): Promise<void> {
    const machine = this.#guest.machine();
    if (machine === undefined) return;
    await this.remove(wanted);
    const kept = keptNics(wanted, this.present());
    for (const nic of wanted) if (!kept.includes(nic)) await this.#plug(machine, nic);
  }

  /** Unplug what the running guest has and is not wanted, or not so. @throws NetloomError unplug-failed */
  async remove(wanted: readonly VmNic[]): Promise<void> {
    const machine = this.#guest.machine();
    if (machine === undefined) return;
    const kept = keptNics(machine.nics, wanted);
    for (const nic of machine.nics) if (!kept.includes(nic)) await this.#unplug(machine, nic);
  }

  /** The guest let go of a device: as it was asked, by itself, or long after it was asked. */
  went(id: string): void {
    if (id === this.#leaving || !this.present().some((nic) => nic.id === id)) return;
    const { log } = this.#guest;
    const vm = this.#guest.machine()?.name;
    this.#forget(id);
    log.warn("NIC is no longer plugged", { vm, nic: id });
    deleteNetdev(this.#guest.monitor(), id).catch((error: unknown) => {
      log.warn("tap of a NIC stays open", { vm, nic: id, reason: messageOf(error) });
    });
  }

  async #plug(machine: VmObject, nic: VmNic): Promise<void> {
    const taps = await openTaps(machine, [nic]);
    try {
      this.#guest.note([...this.present(), nic]);
      await plugNic(this.#guest.monitor(), nic, taps.flat());
      this.#guest.log.info("NIC plugged", { vm: machine.name, nic: nic.id, tap: nic.tapName });
    } catch (cause) {
      this.#forget(nic.id);
      throw failure("plug", nic, "into", machine, cause);
    } finally {
      closeTaps(taps);
    }
  }

  async #unplug(machine: VmObject, nic: VmNic): Promise<void> {
    this.#leaving = nic.id;
    try {
      await unplugNic(this.#guest.monitor(), nic.id);
    } catch (cause) {
      throw failure("unplug", nic, "from", machine, cause);
    } finally {
      this.#leaving = undefined;
    }
    this.#forget(nic.id);
    this.#guest.log.info("NIC unplugged", { vm: machine.name, nic: nic.id, tap: nic.tapName });
  }

  #forget(id: string): void {
    this.#guest.note(this.present().filter((nic) => nic.id !== id));
  }
}

function failure(verb: string, nic: VmNic, preposition: string, { name }: VmObject, cause: unknown): NetloomError {
  return new NetloomError(
    `${verb}-failed`,
    `${verb} NIC ${nic.id} (${nic.tapName}) ${preposition} VM ${name}: ${messageOf(cause)}`,
    {
      hint: `End the guest (netloom vm stop ${name}) and do it again: it starts with the NICs it should have.`,
      cause,
    },
  );
}
