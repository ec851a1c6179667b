import assert from "node:assert/strict";

/** What a backup of the server holds; `null` where pg_dump is not installed. */
export async function dumpOf(url: string): Promise<string | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command("pg_dump", { args: [url] }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const dump = new TextDecoder().decode(stdout);
    assert.match(dump, /COPY lmsmon\.tombstones/);
    return dump;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
