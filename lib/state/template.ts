const FILE = new URL("./template.tar.gz", import.meta.url);

/**
 * A migrated state with nothing in it, closed, packed: what a new embedded state begins with. Making one anew takes 980 MB of memory
 * and, with engine and migrations cold, several seconds; this takes a second and what an embedded state needs anyway.
 *
 * `deno task template` makes it. Migrations that came later run on top, as on an older state. The built program has it beside
 * its modules.
 */
export async function stateTemplate(): Promise<Blob> {
  return new Blob([await Deno.readFile(FILE)]);
}
