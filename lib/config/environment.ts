/**
 * The process's environment, read name by name: with `--allow-env=A,B` other names count as unset instead of ending the
 * program, as reading all of it at once would.
 */
export function environment(): Record<string, string | undefined> {
  return new Proxy({}, {
    get: (_target, name) => {
      if (typeof name !== "string") return undefined;
      try {
        return Deno.env.get(name);
      } catch (error) {
        if (error instanceof Deno.errors.NotCapable || error instanceof TypeError) return undefined;
        throw error;
      }
    },
  });
}

/** The user's home directory, `null` when the process has none (some system services). */
export function homeDirectory(env: Readonly<Record<string, string | undefined>>): string | null {
  return env.HOME || env.USERPROFILE || null;
}

/**
 * What a URL says is all that counts. postgres.js would also take this variable of libpq, wherever a URL names no
 * `target_session_attrs`, and cannot be told not to; every other one is overruled by an option.
 */
export function forgetPgEnvironment(): void {
  try {
    if (Deno.env.get("PGTARGETSESSIONATTRS") !== undefined) Deno.env.delete("PGTARGETSESSIONATTRS");
  } catch {
    // Without the permission the driver cannot read it either.
  }
}

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
