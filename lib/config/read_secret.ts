import { Secret } from "../ops/secrets.ts";
import { ioProblem, readAtMost } from "./config_file.ts";

const MAX_BYTES = 64 * 1024;

/** The secret in a file, without the line break that editors and `echo` put at its end; otherwise what is wrong with it. */
export async function readSecretFile(path: string): Promise<Secret | string> {
  let bytes: Uint8Array | null;
  try {
    bytes = await readAtMost(path, MAX_BYTES);
  } catch (error) {
    return `cannot read ${path}: ${ioProblem(error)}`;
  }
  if (bytes === null) return `cannot use ${path}: it is larger than 64 KiB, so it is no password or key`;
  const text = new TextDecoder().decode(bytes).replace(/\r?\n$/, "");
  return text === "" ? `cannot use ${path}: it is empty` : new Secret(text);
}
