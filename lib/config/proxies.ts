const NAMES = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"];

/**
 * Whether `fetch` would surely use no proxy, so that a connection of our own goes where its would. Deno reads these variables
 * without asking for a permission: what cannot be read here may still be set.
 */
export function surelyNoProxy(): boolean {
  try {
    return NAMES.every((name) => !Deno.env.get(name) && !Deno.env.get(name.toLowerCase()));
  } catch {
    return false;
  }
}
