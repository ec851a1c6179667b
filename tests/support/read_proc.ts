/** A file of /proc, by way of `cat`: Deno itself opens it only with every permission, which tests do not have. */
export async function readProc(path: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("cat", { args: [path] }).output();
  if (!success) throw new Error(`Cannot read ${path}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
