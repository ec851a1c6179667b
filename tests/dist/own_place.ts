import { userInfo } from "node:os";

/**
 * A new folder below no folder that everybody may write, as the released file wants it for its cache: the temporary folder is
 * one. Throws when neither the user's home nor the checkout lies in such a place.
 */
export function makeOwnPlace(prefix: string): string {
  const checkout = new URL("../../", import.meta.url).pathname;
  for (const dir of [userInfo().homedir, Deno.env.get("HOME"), checkout]) {
    if (dir === undefined || !isOwn(dir)) continue;
    return Deno.realPathSync(Deno.makeTempDirSync({ dir, prefix }));
  }
  throw new Error("These tests need a home or a checkout below no folder that everybody may write (not /tmp)");
}

function isOwn(dir: string): boolean {
  try {
    for (let path = Deno.realPathSync(dir);; path = path.replace(/\/[^/]*$/, "")) {
      const { mode, uid } = Deno.statSync(path || "/");
      if ((mode ?? 0) & 0o022 || ![0, Deno.uid()].includes(uid)) return false;
      if (path === "") return Deno.statSync(dir).uid === Deno.uid();
    }
  } catch {
    return false;
  }
}
