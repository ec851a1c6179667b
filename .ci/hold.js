// Loaded before the program: a lock that the system frees with the process keeps its version from being removed under it.
try {
  Deno.openSync(new URL("lock", import.meta.url)).lockSync(false);
} catch {
  // A file system without locks: there nothing is removed either.
}
