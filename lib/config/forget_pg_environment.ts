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
