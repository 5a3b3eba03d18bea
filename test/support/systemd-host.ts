/**
 * A host of its own with Debian's systemd as its first process: PID, mount, network and control group namespaces on a
 * kernel that is ours, so only inside a guest. It sees this machine's files; what it writes to /etc, /run and /usr/bin
 * goes with it.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { type Result, Running, until } from "./network.ts";

const CONTROL_GROUP = "/sys/fs/cgroup/systemd-host";
/** Units that the units under test stand on; all others of this machine stay out. */
const LEAN_UNITS = ["basic", "sysinit", "multi-user", "network-pre", "network-online", "shutdown", "umount"];
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Emulated, on a busy machine. */
const PATIENCE_SECONDS = 240;
/** There is no journal. */
const SERVICE_LOG = "/run/services.log";

const INIT = `
  mount -t sysfs sysfs /sys
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount -t tmpfs -o mode=0755 tmpfs /run
  for folder in /etc /usr/bin; do
    mkdir -p /run/written$folder/upper /run/written$folder/work
    mount -t overlay -o lowerdir=$folder,upperdir=/run/written$folder/upper,workdir=/run/written$folder/work overlay $folder
  done
  mount -t tmpfs -o mode=0755 tmpfs /etc/systemd/system
  mkdir -p /run/lean/service.d /run/none
  printf '[Service]\\nStandardOutput=append:${SERVICE_LOG}\\nStandardError=append:${SERVICE_LOG}\\n' >/run/lean/service.d/log.conf
  for unit in ${LEAN_UNITS.join(" ")}; do cp /lib/systemd/system/$unit.target /run/lean/; done
  ip link set lo up
  exec env -i PATH=${PATH} SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/lean container=netloom \
    SYSTEMD_GENERATOR_PATH=/run/none SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/none \
    /lib/systemd/systemd --system --unit=multi-user.target --show-status=no --log-target=kmsg`;

export class SystemdHost implements AsyncDisposable {
  readonly #container: Running;
  /** Of the first process, as seen from outside. */
  readonly #pid: string;

  private constructor(container: Running, pid: string) {
    this.#container = container;
    this.#pid = pid;
  }

  /** Boot it. @throws Error when systemd has not finished within four minutes */
  static async boot(): Promise<SystemdHost> {
    const namespaces = ["--pid", "--mount", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];
    const enter = `mkdir -p ${CONTROL_GROUP}; echo $$ >${CONTROL_GROUP}/cgroup.procs; exec "$@"`;
    const unshare = ["unshare", ...namespaces, "--mount-proc", "bash", "-ec", INIT];
    const container = new Running(["bash", "-ec", enter, "bash", ...unshare]);
    const outer = container.child.pid;
    const firstProcess = (): string => {
      if (!container.running) throw new Error(`the host ended: ${container.stderr}`);
      return readFileSync(`/proc/${outer}/task/${outer}/children`, "utf8").trim();
    };
    const answers = (): boolean => firstProcess() !== "" && existsSync(privateSocket(firstProcess()));
    await until("systemd answers", answers, PATIENCE_SECONDS);
    const host = new SystemdHost(container, firstProcess());
    // Its status tells whether all units started; what it waits for is that none is about to.
    await host.run("systemctl --wait is-system-running");
    return host;
  }

  /** A path of the host as seen from here: its files, its mounts, its /proc. */
  path(path: string): string {
    return inside(this.#pid, path);
  }

  read(path: string): string {
    return readFileSync(this.path(path), "utf8");
  }

  /** Run lines of shell on it, to their end, however that is. */
  run(script: string): Promise<Result> {
    const enter = ["nsenter", `--target=${this.#pid}`, "--all", "--root", "--wd"];
    const clean = ["env", "-i", `PATH=${PATH}`, "HOME=/root", "LANG=C.UTF-8"];
    return new Running([...enter, "--", ...clean, "bash", "-e", "-o", "pipefail", "-c", script]).ended();
  }

  /** Run lines of shell; the first failure throws with what was said and what the services wrote. */
  async shell(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script);
    if (code === 0) return stdout;
    const { stdout: log } = await this.run(`dmesg | tail -n 40; tail -n 40 ${SERVICE_LOG}`);
    throw new Error(`${script}: ended with ${code}: ${stdout}${stderr}\n${log}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its namespace's other processes end with the first one.
    process.kill(Number(this.#pid), "SIGKILL");
    await this.#container.ended();
    await until("the end of the host's processes", () => removeControlGroups(CONTROL_GROUP), PATIENCE_SECONDS);
  }
}

function inside(pid: string, path: string): string {
  return `/proc/${pid}/root${path}`;
}

function privateSocket(pid: string): string {
  return inside(pid, "/run/systemd/private");
}

/** @returns false: somebody is still in one of them */
function removeControlGroups(folder: string): boolean {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory() && !removeControlGroups(join(folder, entry.name))) return false;
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EBUSY") return false;
    throw error;
  }
}
