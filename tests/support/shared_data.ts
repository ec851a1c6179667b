/** The folder `../shared/data/NAME` beside the project, or `null` in a plain clone without it. */
export function sharedDataFolder(name: string): string | null {
  const folder = new URL(`../../../shared/data/${name}/`, import.meta.url).pathname;
  try {
    return Deno.statSync(folder).isDirectory ? folder : null;
  } catch {
    return null;
  }
}

/**
 * The folder `../shared/data/NAME`, which lies beside the project and is never part of it. `null`, after a line on stderr,
 * when it is not there: then `what` is to be ignored, which fails under LMSMON_TEST_REQUIRE=1.
 */
export async function testData(name: string, what: string): Promise<string | null> {
  const folder = sharedDataFolder(name);
  if (folder !== null) return folder;
  const missing = `../shared/data/${name} is missing beside the project`;
  if (Deno.env.get("LMSMON_TEST_REQUIRE") === "1") throw new Error(`Cannot run ${what}: ${missing}`);
  await Deno.stderr.write(new TextEncoder().encode(`skipped: ${what}, since ${missing}\n`));
  return null;
}
