// Makes what the guests start from, in .cache/guest, without touching /boot and without root:
//
//   vmlinuz             Debian's cloud kernel
//   kernel/             its package unpacked: lib/modules/VERSION
//   initrd.gz           busybox and scripts/guest/init: the guest of the demo and of the tests
//   vmtest-initrd.gz    busybox and scripts/guest/vmtest-init: the guest of scripts/vmtest.sh
//   virtiofsd-as-user.so   what lets an ordinary user share files with it
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { updateListsFor } from "./lib/packages.mjs";
import { CACHE, inRoot } from "./lib/paths.mjs";
import { completePath, findProgram, must, outputOf, Problem, say } from "./lib/shell.mjs";
import { filesBelow, forget, hashOf, isCurrent, remember } from "./lib/stamp.mjs";

const GUEST = join(CACHE, "guest");
const KERNEL_TREE = join(GUEST, "kernel");
const VMLINUZ = join(GUEST, "vmlinuz");
const VIRTIOFSD_HELPER = join(GUEST, "virtiofsd-as-user.so");
const KERNEL_PACKAGE = "linux-image-cloud-amd64";
const environment = { ...process.env, PATH: completePath() };

const IMAGES = [
  {
    name: "initrd.gz",
    init: "init",
    files: ["udhcpc.script", "dhclient6.script"],
    programs: ["renew"],
    hostPrograms: ["dhclient"],
    modules: ["virtio_pci", "virtio_net", "virtio_rng", "af_packet"],
  },
  {
    name: "vmtest-initrd.gz",
    init: "vmtest-init",
    files: [],
    programs: [],
    hostPrograms: [],
    modules: ["virtio_pci", "virtiofs", "overlay", "virtio_net", "virtio_rng"],
  },
];

/** A folder beside the cache's own, so that what was made can be renamed into place. */
function withTemporaryFolder(work) {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "making-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The package that the meta-package stands for now: linux-image-6.1.0-NN-cloud-amd64. */
function kernelPackage() {
  updateListsFor(KERNEL_PACKAGE);
  const depends = outputOf("apt-cache", ["depends", "--important", KERNEL_PACKAGE]);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Problem(`apt-cache tells no kernel behind ${KERNEL_PACKAGE}`);
  return name;
}

/** Fetches the package and unpacks it into `tree`. */
function unpackKernel(folder, tree) {
  const name = kernelPackage();
  say(`fetching the guest's kernel: ${name}`);
  // Root's apt would hand the download to the user _apt, who may not write here.
  const words = process.getuid() === 0 ? ["-o", "APT::Sandbox::User=root"] : [];
  must("apt-get", [...words, "download", name], { cwd: folder });
  const file = readdirSync(folder).find((entry) => entry.endsWith(".deb"));
  if (file === undefined) throw new Problem(`apt-get download ${name} left no file`);
  must("dpkg-deb", ["-x", join(folder, file), tree]);
  must("depmod", ["-b", tree, kernelVersion(tree)], { env: environment });
}

/** Fills `tree` from the cloud kernel that this machine has installed; false when it has none. */
function copyInstalledKernel(tree) {
  const modules = "/lib/modules";
  const installed = existsSync(modules) ? readdirSync(modules).filter((name) => name.endsWith("-cloud-amd64")) : [];
  const version = installed.sort().at(-1);
  if (version === undefined || !existsSync(`/boot/vmlinuz-${version}`)) return false;
  say(`taking this machine's own kernel ${version} for the guest`);
  mkdirSync(join(tree, "boot"), { recursive: true });
  mkdirSync(join(tree, "lib", "modules"), { recursive: true });
  copyFileSync(`/boot/vmlinuz-${version}`, join(tree, "boot", `vmlinuz-${version}`));
  symlinkSync(join(modules, version), join(tree, "lib", "modules", version));
  return true;
}

function provideKernel() {
  withTemporaryFolder((folder) => {
    const tree = join(folder, "tree");
    try {
      unpackKernel(folder, tree);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      say(error.message);
      rmSync(tree, { recursive: true, force: true });
      if (!copyInstalledKernel(tree)) throw error;
    }
    const version = kernelVersion(tree);
    rmSync(KERNEL_TREE, { recursive: true, force: true });
    mkdirSync(GUEST, { recursive: true });
    renameSync(tree, KERNEL_TREE);
    rmSync(VMLINUZ, { force: true });
    symlinkSync(join("kernel", "boot", `vmlinuz-${version}`), VMLINUZ);
  });
}

function kernelVersion(tree) {
  const version = readdirSync(join(tree, "lib", "modules"))[0];
  if (version === undefined) throw new Problem(`${tree} holds no kernel modules`);
  return version;
}

/** Module files in the order of loading, dependencies first. */
function moduleFiles(names) {
  const version = kernelVersion(KERNEL_TREE);
  const files = names.flatMap((name) =>
    outputOf("modprobe", ["-S", version, "-d", KERNEL_TREE, "--show-depends", name], { env: environment })
      .split("\n")
      .map((line) => /^insmod (\S+)/.exec(line)?.[1])
      .filter((path) => path !== undefined),
  );
  return [...new Set(files)];
}

/** A program of this machine with its libraries, where its loader looks for them. */
function filesOfProgram(name) {
  const program = findProgram(name);
  if (program === undefined) throw new Problem(`${name} is missing`);
  const libraries = Array.from(outputOf("ldd", [program]).matchAll(/(\/\S+) \(0x/g), ([, path]) => path);
  return [{ source: program, target: join("bin", name) }, ...libraries.map((path) => ({ source: path, target: path }))];
}

function makeImage(image, busybox) {
  withTemporaryFolder((folder) => {
    const tree = join(folder, "tree");
    for (const name of ["bin", "dev", "etc", "modules", "proc", "run", "sys", "tmp"]) {
      mkdirSync(join(tree, name), { recursive: true });
    }
    const put = (source, target, mode) => {
      copyFileSync(source, join(tree, target));
      chmodSync(join(tree, target), mode);
    };
    put(busybox, "bin/busybox", 0o755);
    put(inRoot("scripts", "guest", image.init), "init", 0o755);
    put(inRoot("scripts", "guest", "functions.sh"), "functions.sh", 0o644);
    for (const file of image.files) put(inRoot("scripts", "guest", file), file, 0o755);
    for (const program of image.programs) put(inRoot("scripts", "guest", program), join("bin", program), 0o755);
    for (const file of image.hostPrograms.flatMap(filesOfProgram)) {
      mkdirSync(dirname(join(tree, file.target)), { recursive: true });
      put(file.source, file.target, 0o755);
    }
    const modules = moduleFiles(image.modules);
    for (const file of modules) put(file, join("modules", basename(file)), 0o644);
    writeFileSync(join(tree, "modules.list"), modules.map((file) => `/modules/${basename(file)}\n`).join(""));
    const archive = join(folder, image.name);
    must("sh", ["-c", 'cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1 >"$2"', "sh", tree, archive]);
    renameSync(archive, join(GUEST, image.name));
  });
}

function compileVirtiofsdHelper() {
  withTemporaryFolder((folder) => {
    const library = join(folder, "helper.so");
    const source = inRoot("scripts", "guest", "virtiofsd-as-user.c");
    must("gcc", ["-O2", "-Wall", "-Werror", "-fPIC", "-shared", "-o", library, source], { env: environment });
    renameSync(library, VIRTIOFSD_HELPER);
  });
}

/** Makes whatever is missing or stems from other inputs. */
export function buildGuestImage() {
  if (!existsSync(VMLINUZ)) provideKernel();
  const busybox = findProgram("busybox");
  if (busybox === undefined) throw new Problem("busybox is missing: install busybox-static");
  const sources = [...filesBelow(inRoot("scripts", "guest"), () => true), busybox];
  const hash = hashOf(sources, [
    kernelVersion(KERNEL_TREE),
    readFileSync(inRoot("scripts", "guest-image.mjs"), "utf8"),
  ]);
  const products = [VIRTIOFSD_HELPER, ...IMAGES.map((image) => join(GUEST, image.name))];
  if (isCurrent("guest-image", hash) && products.every((file) => existsSync(file))) return;
  say("making the guest's image");
  forget("guest-image");
  for (const image of IMAGES) makeImage(image, busybox);
  compileVirtiofsdHelper();
  remember("guest-image", hash);
}

if (process.argv[1] === inRoot("scripts", "guest-image.mjs")) {
  try {
    buildGuestImage();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
