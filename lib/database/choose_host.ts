import type { SessionAttrs } from "./database_url.ts";

/** What a server says of itself. */
export interface ServerRole {
  readonly isStandby: boolean;
  /** New transactions are read only, for whichever reason. */
  readonly isReadOnly: boolean;
}

/** Whether a server is what `target_session_attrs` asks for; libpq's meaning of the words. */
export function suits(attrs: SessionAttrs, { isStandby, isReadOnly }: ServerRole): boolean {
  switch (attrs) {
    case "any":
      return true;
    case "read-write":
      return !isReadOnly;
    case "read-only":
      return isReadOnly;
    case "primary":
      return !isStandby;
    case "standby":
    case "prefer-standby":
      return isStandby;
  }
}

/**
 * The first host, in this order, that can be reached and is what is asked for. Throws the first refusal of a login (a wrong
 * password is wrong everywhere, and asking further would lock the account), else one error that says what each host is.
 */
export async function chooseHost<H>(
  hosts: readonly H[],
  attrs: SessionAttrs,
  ask: (host: H) => Promise<ServerRole>,
  nameOf: (host: H) => string,
): Promise<H> {
  const failures: string[] = [];
  const others: H[] = [];
  let cause: unknown;
  for (const host of hosts) {
    try {
      const role = await ask(host);
      if (suits(attrs, role)) return host;
      others.push(host);
      failures.push(
        `${nameOf(host)} is a ${role.isStandby ? "standby" : role.isReadOnly ? "read-only primary" : "primary"}`,
      );
    } catch (error) {
      if (isRefusal(error)) throw error;
      cause ??= error;
      failures.push(`${nameOf(host)}: ${error instanceof Error && error.message || String(error)}`);
    }
  }
  if (attrs === "prefer-standby" && others[0] !== undefined) return others[0];
  throw Object.assign(
    new Error(`no server is there for target_session_attrs=${attrs}: ${failures.join("; ")}`, { cause }),
    { code: "EHOSTUNREACH" },
  );
}

/** In an order of chance; `random` as Math.random. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items.map((item) => [random(), item] as const).sort(([a], [b]) => a - b).map(([, item]) => item);
}

/** The server was there and does not let this user in, or has no such database. */
function isRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(28|3D)[0-9A-Z]{3}$/.test(code);
}
