import { defineConfig } from "vitest/config";

/** Tests that start guests or many processes share two cores with them: one file at a time. */
const oneByOne = { fileParallelism: false, testTimeout: 180_000, hookTimeout: 180_000 } as const;
const isolated = { ...oneByOne, globalSetup: "test/support/only-in-sandbox.ts" } as const;

export default defineConfig({
  test: {
    pool: "forks",
    // Nothing is written beside the sources, only where all that may be thrown away is.
    cache: false,
    fsModuleCache: true,
    fsModuleCachePath: ".cache/vitest",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/kernel/**", "test/guest/**", "test/in-guest/**", "test/root/**"],
          // Modules are read once for all files: half the time. What a test changes for all it puts back.
          isolate: false,
          // Of tests that hang; on a busy machine the longest takes some seconds.
          testTimeout: 60_000,
        },
      },
      // Inside a sandbox of namespaces: scripts/sandbox.sh.
      { extends: true, test: { name: "kernel", include: ["test/kernel/**/*.test.ts"], ...isolated } },
      // Start QEMU themselves.
      { extends: true, test: { name: "guest", include: ["test/guest/**/*.test.ts"], ...oneByOne } },
      // Inside a guest, for what the machine's own kernel may lack: scripts/vmtest.sh.
      { extends: true, test: { name: "in-guest", include: ["test/in-guest/**/*.test.ts"], ...isolated } },
      // Need several uids or devices: root without a user namespace, or a guest.
      {
        extends: true,
        test: {
          name: "root",
          include: ["test/root/**/*.test.ts"],
          ...isolated,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
