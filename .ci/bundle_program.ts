/** What PGlite reads from beside its own module. */
const PGLITE_FILES = ["pglite.data", "pglite.wasm"];

/**
 * Makes `main.js` in a folder, or what else the given module's name says, with all that it needs beside it. To be called in the
 * project's root; throws where it cannot.
 */
export async function bundleProgram(folder: string, module = "main.ts"): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "deno", "--code-splitting", "--outdir", folder, module],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot build: deno bundle failed\n${new TextDecoder().decode(stderr)}`);
  const pglite = new URL(".", import.meta.resolve("@electric-sql/pglite"));
  for (const file of PGLITE_FILES) await Deno.copyFile(new URL(file, pglite), `${folder}/${file}`);
  await Deno.copyFile("lib/state/template.tar.gz", `${folder}/template.tar.gz`);
}
