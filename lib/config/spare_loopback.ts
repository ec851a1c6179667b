/**
 * Keeps this machine's own addresses away from a proxy. Deno's fetch sends 127.0.0.1 through HTTP_PROXY too, where a Zulip
 * on loopback (a tunnel, the demo's stand-in) is somebody else's machine. Read when a client is made, so call it before.
 */
export function spareLoopback(): void {
  try {
    const [name] = ["NO_PROXY", "no_proxy"].filter((name) => Deno.env.get(name) !== undefined);
    const spared = (name === undefined ? "" : Deno.env.get(name) ?? "").split(",").filter((host) => host !== "");
    const missing = ["127.0.0.1", "localhost", "[::1]"].filter((host) => !spared.includes(host));
    if (missing.length > 0) Deno.env.set(name ?? "NO_PROXY", [...spared, ...missing].join(","));
  } catch {
    // Without the permission there is no proxy either: its variables could not be read.
  }
}
