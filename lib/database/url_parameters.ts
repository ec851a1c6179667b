import { distance } from "fastest-levenshtein";

export type Dialect = "postgres" | "mysql";

/** A parameter that lmsmon takes in a database URL. */
export interface KnownParameter {
  /** The first is the one that messages and documents use. Letters' case, `-` and `_` make no difference. */
  readonly names: readonly [string, ...string[]];
  readonly dialects: readonly Dialect[];
  /** Only in this URL; absent: in both. */
  readonly only?: "state";
  /** Takes these values alone (with letters' case, `-` and `_` making no difference), because they ask for nothing more. */
  readonly accepts?: readonly string[];
  /** The value is never printed, and replaced wherever it turns up. */
  readonly isSecret?: true;
  /** The value is the path of a file. */
  readonly isFile?: true;
}

const BOTH: readonly Dialect[] = ["postgres", "mysql"];
const POSTGRES: readonly Dialect[] = ["postgres"];
const MYSQL: readonly Dialect[] = ["mysql"];

/** Every parameter that is taken; docs/configuration.md has a line for each, and a test holds them together. */
export const PARAMETERS: readonly KnownParameter[] = [
  { names: ["host"], dialects: BOTH },
  { names: ["hostaddr"], dialects: POSTGRES },
  { names: ["port"], dialects: BOTH },
  { names: ["socket", "socketPath", "unix_socket"], dialects: MYSQL },
  { names: ["dbname", "database"], dialects: BOTH },
  { names: ["user"], dialects: BOTH },
  { names: ["password", "passwd", "pass", "pwd"], dialects: BOTH, isSecret: true },
  { names: ["sslmode", "ssl-mode"], dialects: BOTH },
  { names: ["ssl"], dialects: BOTH },
  { names: ["tls"], dialects: MYSQL },
  { names: ["sslrootcert", "ssl-ca"], dialects: BOTH, isFile: true },
  { names: ["sslcert", "ssl-cert"], dialects: BOTH, isFile: true },
  { names: ["sslkey", "ssl-key"], dialects: BOTH, isFile: true },
  { names: ["sslpassword"], dialects: BOTH, isSecret: true },
  { names: ["target_session_attrs"], dialects: POSTGRES },
  { names: ["load_balance_hosts"], dialects: POSTGRES },
  { names: ["connect_timeout"], dialects: POSTGRES },
  { names: ["application_name"], dialects: POSTGRES },
  { names: ["fallback_application_name"], dialects: POSTGRES },
  { names: ["options"], dialects: POSTGRES },
  { names: ["schema"], dialects: POSTGRES },
  { names: ["search_path"], dialects: POSTGRES },
  { names: ["prepare"], dialects: POSTGRES, only: "state" },
  { names: ["client_encoding"], dialects: POSTGRES, accepts: ["utf8", "auto"] },
  { names: ["charset"], dialects: MYSQL, accepts: ["utf8mb4", "utf8mb4_unicode_ci", "utf8mb4_general_ci"] },
  { names: ["channel_binding"], dialects: POSTGRES, accepts: ["disable", "prefer"] },
  { names: ["gssencmode"], dialects: POSTGRES, accepts: ["disable", "prefer"] },
  { names: ["gssdelegation"], dialects: POSTGRES, accepts: ["0"] },
  { names: ["keepalives"], dialects: POSTGRES, accepts: ["1"] },
  { names: ["replication"], dialects: POSTGRES, accepts: ["false", "off", "no", "0"] },
  { names: ["sslcertmode"], dialects: POSTGRES, accepts: ["allow"] },
  { names: ["sslcompression"], dialects: POSTGRES, accepts: ["0"] },
  { names: ["sslnegotiation"], dialects: POSTGRES, accepts: ["postgres"] },
  { names: ["sslsni"], dialects: POSTGRES, accepts: ["1"] },
  { names: ["ssl_min_protocol_version"], dialects: POSTGRES, accepts: ["TLSv1", "TLSv1.1", "TLSv1.2"] },
];

/** Words of libpq that lmsmon knows and does not do: named in the error, since nobody's password is called so. */
export const NOT_IMPLEMENTED: readonly string[] = [
  ...["gsslib", "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname", "max_protocol_version"],
  ...["min_protocol_version", "oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope", "passfile"],
  ...["require_auth", "requirepeer", "requiressl", "scram_client_key", "scram_server_key", "service", "servicefile"],
  ...["ssl_max_protocol_version", "sslcrl", "sslcrldir", "sslkeylogfile", "tcp_user_timeout"],
];

/** Names and plain words as they are compared. */
export function folded(text: string): string {
  return text.toLowerCase().replace(/[-_]/g, "");
}

export function parametersOf(dialect: Dialect, part: "lms" | "state"): readonly KnownParameter[] {
  return PARAMETERS.filter(({ dialects, only }) => dialects.includes(dialect) && (only === undefined || only === part));
}

export function findParameter(name: string, among: readonly KnownParameter[]): KnownParameter | null {
  const wanted = folded(name);
  return among.find(({ names }) => names.some((known) => folded(known) === wanted)) ?? null;
}

/** A name that may be printed: one that is known, or so near to one that it is a slip of the finger and no secret. */
export function printableName(
  name: string,
  among: readonly KnownParameter[],
): { readonly name: string; readonly near: string | null } | null {
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) return null;
  const elsewhere = [...PARAMETERS.flatMap(({ names }) => names), ...NOT_IMPLEMENTED];
  if (elsewhere.some((other) => folded(other) === folded(name))) return { name, near: null };
  const [nearest] = among.map(({ names: [other] }) => ({ other, slips: distance(folded(other), folded(name)) }))
    .sort((a, b) => a.slips - b.slips);
  if (nearest === undefined || nearest.slips > 3) return null;
  return { name, near: nearest.slips <= Math.max(1, name.length / 3) ? nearest.other : null };
}
