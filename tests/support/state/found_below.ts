import { Buffer } from "node:buffer";
import { join } from "node:path";

/** The needles that stand in a file under a directory, with the file; also the id as PostgreSQL keeps it in eight bytes. */
export async function foundBelow(directory: string, texts: readonly string[], id: bigint): Promise<string[]> {
  const binary = new Uint8Array(8);
  new DataView(binary.buffer).setBigInt64(0, id, true);
  const needles = [...texts, String(id)].map((text) => ({ text, bytes: Buffer.from(text) }));
  needles.push({ text: "the id", bytes: Buffer.from(binary) });
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) found.push(...await foundBelow(path, texts, id));
    else if (isFile) {
      const bytes = Buffer.from(await Deno.readFile(path));
      found.push(...needles.filter((needle) => bytes.includes(needle.bytes)).map(({ text }) => `${text} in ${path}`));
    }
  }
  return found;
}
