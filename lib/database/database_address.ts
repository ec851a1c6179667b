/** Where a database is, without how to get in: what tells one database from another. */
export interface DatabaseAddress {
  readonly dialect: "postgres" | "mysql";
  /** In the order of the URL. A `host` that begins with "/" is a Unix socket (its directory for PostgreSQL). */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly database: string;
}

/** This machine, whatever it is called: its Unix sockets and the loopback addresses. */
export function isLocalHost(host: string): boolean {
  const name = plainHost(host);
  return name.startsWith("/") ||
    /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|::1|0:0:0:0:0:0:0:1|::ffff:127(\.\d{1,3}){3})$/.test(name);
}

/** One spelling for each place: a name in lower case without its last dot, one word for this machine. */
export function hostKey({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${isLocalHost(host) ? "localhost" : plainHost(host)}:${port}`;
}

/** `db.example.org:5432,[::1]:5433/lms`, for errors. */
export function addressLabel({ hosts, database }: DatabaseAddress): string {
  const places = hosts.map(({ host, port }) =>
    host.startsWith("/") ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`
  );
  return `${places.join(",")}/${database}`;
}

/** True when both may mean the same database: any host of one list is one of the other's. */
export function isSameAddress(a: DatabaseAddress, b: DatabaseAddress): boolean {
  if (a.dialect !== b.dialect || a.database !== b.database) return false;
  const places = new Set(a.hosts.map(hostKey));
  return b.hosts.some((host) => places.has(hostKey(host)));
}

function plainHost(host: string): string {
  return host.startsWith("/") ? host : host.toLowerCase().replace(/\.$/, "");
}
