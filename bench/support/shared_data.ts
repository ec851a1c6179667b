/** The folder `../shared/data/NAME` beside the project, or `null` in a plain clone without it. */
export function sharedDataFolder(name: string): string | null {
  const folder = new URL(`../../../shared/data/${name}/`, import.meta.url).pathname;
  try {
    return Deno.statSync(folder).isDirectory ? folder : null;
  } catch {
    return null;
  }
}
