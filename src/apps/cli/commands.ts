/** The command table: help, manual page and completion are made from it. */
import type { Command } from "./command.ts";
import { attachCommand } from "./commands/attach.ts";
import { bindCommand, unbindCommand } from "./commands/bind.ts";
import { confirmCommand, waitCommand } from "./commands/confirm.ts";
import { daemonCommand } from "./commands/daemon.ts";
import { detachCommand } from "./commands/detach.ts";
import { dhcp6LeasesCommand, dhcpLeasesCommand } from "./commands/dhcp-leases.ts";
import {
  dhcp6LeasesExportCommand,
  dhcp6LeasesImportCommand,
  dhcpLeasesExportCommand,
  dhcpLeasesImportCommand,
} from "./commands/dhcp-leases-transfer.ts";
import { dhcpRequestCommand } from "./commands/dhcp-request.ts";
import { dhcpServeCommand } from "./commands/dhcp-serve.ts";
import { dhcp6RequestCommand } from "./commands/dhcp6-request.ts";
import { dhcp6ServeCommand } from "./commands/dhcp6-serve.ts";
import { dnsCacheCommand, dnsFlushCommand, dnsStatsCommand } from "./commands/dns-cache.ts";
import { dnsQueryCommand } from "./commands/dns-query.ts";
import { dnsServeCommand } from "./commands/dns-serve.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { eventsCommand } from "./commands/events.ts";
import { applyCommand, destroyCommand, planCommand } from "./commands/file.ts";
import { importCommand } from "./commands/import.ts";
import { keeperCommand } from "./commands/keeper.ts";
import { netbootCommand } from "./commands/netboot.ts";
import { schemaCommand } from "./commands/schema.ts";
import { statusCommand } from "./commands/status.ts";
import { tftpServeCommand } from "./commands/tftp-serve.ts";
import { vmConsoleCommand, vmListCommand, vmRunCommand, vmStopCommand } from "./commands/vm.ts";
import { completionCommand, manCommand } from "./commands/table-printers.ts";

export const COMMANDS: readonly Command[] = [
  planCommand,
  applyCommand,
  destroyCommand,
  confirmCommand,
  statusCommand,
  eventsCommand,
  doctorCommand,
  daemonCommand,
  bindCommand,
  unbindCommand,
  attachCommand,
  detachCommand,
  vmListCommand,
  vmConsoleCommand,
  vmRunCommand,
  vmStopCommand,
  dhcpServeCommand,
  dhcpLeasesCommand,
  dhcpLeasesImportCommand,
  dhcpLeasesExportCommand,
  dhcpRequestCommand,
  dhcp6RequestCommand,
  dhcp6ServeCommand,
  dhcp6LeasesCommand,
  dhcp6LeasesImportCommand,
  dhcp6LeasesExportCommand,
  dnsServeCommand,
  dnsQueryCommand,
  dnsCacheCommand,
  dnsFlushCommand,
  dnsStatsCommand,
  netbootCommand,
  tftpServeCommand,
  importCommand,
  schemaCommand,
  manCommand(() => COMMANDS),
  completionCommand(() => COMMANDS),
  keeperCommand,
  waitCommand,
];
