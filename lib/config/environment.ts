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
