// Runs from a freshly unpacked lmsmon: the sha256 over every file's name and content must be the one in the launcher. Then older
// versions beside it go that nobody uses.
import { createHash } from "node:crypto";
import { removeUnused } from "./remove_unused.js";

/** What is made when a version is unpacked and started. */
const NO_CONTENT = new Set(["cache", "complete", "lock", "used", "verify.js"]);

/** sha256 over sorted `name NUL sha256(content) LF` of all files below `root`, except what is made when it runs. */
export function contentOf(root) {
  const names = [];
  const walk = (dir, prefix) => {
    for (const entry of Deno.readDirSync(dir)) {
      if (prefix === "" && NO_CONTENT.has(entry.name)) continue;
      if (entry.isDirectory) walk(`${dir}/${entry.name}`, `${prefix}${entry.name}/`);
      else names.push(prefix + entry.name);
    }
  };
  walk(root, "");
  const whole = createHash("sha256");
  for (const name of names.sort()) {
    const sum = createHash("sha256").update(Deno.readFileSync(`${root}/${name}`)).digest("hex");
    whole.update(`${name}\0${sum}\n`);
  }
  return whole.digest("hex").slice(0, 32);
}

if (import.meta.main) {
  const [root, expected] = Deno.args;
  if (contentOf(root) !== expected) Deno.exit(1);
  removeUnused(`${root}/..`);
}
