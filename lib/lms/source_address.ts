import type { LmsAddress } from "./lms_address.ts";
import type { SourceAddress } from "./lms_source.ts";

/** What of an address says which database it is: no user, no password, no word about TLS. */
export function sourceAddress({ dialect, host, port, database }: LmsAddress): SourceAddress {
  return normalAddress({ dialect, hosts: [{ host, port }], database });
}

/** The address of an embedded LMS: its directory. */
export function embeddedAddress(url: string): SourceAddress {
  return { dialect: "postgres", hosts: [], database: url };
}

/** Equal for two spellings that need no name server to be told the same: letters' case, a final dot, the order of hosts. */
export function normalAddress({ dialect, hosts, database }: SourceAddress): SourceAddress {
  const spelled = hosts.map(({ host, port }) => ({ host: normalHost(host), port }));
  const key = ({ host, port }: SourceAddress["hosts"][number]) => `${host} ${port}`;
  return { dialect, hosts: spelled.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)), database };
}

/** `postgres db.example.org:5432/lms`, every host of several. */
export function printAddress({ dialect, hosts, database }: SourceAddress): string {
  if (hosts.length === 0) return database;
  const places = hosts.map(({ host, port }) =>
    host.startsWith("/") ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`
  );
  return `${dialect} ${places.join(",")}/${database}`;
}

export type AddressChange = "none" | "spelling" | "edited";

/**
 * Whether an address was edited to another place. `addressesOf` gives what a host stands for (IP addresses, or the path of a
 * socket); nothing when that is not known, and then another spelling counts as another host.
 */
export function compareAddresses(
  before: SourceAddress,
  now: SourceAddress,
  addressesOf: (host: string) => readonly string[],
): AddressChange {
  if (before.dialect !== now.dialect || before.database !== now.database) return "edited";
  const [ours, theirs] = [normalAddress(before).hosts, normalAddress(now).hosts];
  if (JSON.stringify(ours) === JSON.stringify(theirs)) return "none";
  const same = (a: Host, b: Host) =>
    a.port === b.port && (a.host === b.host || isSamePlace(addressesOf(a.host), addressesOf(b.host)));
  const known = ours.every((a) => theirs.some((b) => same(a, b))) && theirs.every((b) => ours.some((a) => same(a, b)));
  return known ? "spelling" : "edited";
}

type Host = SourceAddress["hosts"][number];

function isSamePlace(a: readonly string[], b: readonly string[]): boolean {
  const [one, other] = [placesOf(a), placesOf(b)];
  if (one.here || other.here) return one.here && other.here && sameOrNone(one.sockets, other.sockets);
  // A name mostly has an address of each family, and is compared with one of them. All of a family must agree: of a name
  // that stands for several servers one may be another database.
  const families = [[one.v4, other.v4], [one.v6, other.v6]] as const;
  const common = families.filter(([x, y]) => x.size > 0 && y.size > 0);
  return common.length > 0 && common.every(([x, y]) => x.size === y.size && [...x].every((each) => y.has(each)));
}

/** "localhost", 127.0.0.1, ::1 and a socket are this machine; two sockets are two servers unless it is one path. */
function placesOf(addresses: readonly string[]) {
  const sockets = new Set(addresses.filter((address) => address.startsWith("/")));
  const loopback = addresses.filter((address) => address === "127.0.0.1" || address === "::1");
  return {
    here: addresses.length > 0 && sockets.size + loopback.length === addresses.length,
    sockets,
    v4: new Set(addresses.filter((address) => !address.startsWith("/") && !address.includes(":"))),
    v6: new Set(addresses.filter((address) => !address.startsWith("/") && address.includes(":"))),
  };
}

function sameOrNone(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === 0 || b.size === 0 || [...a].every((each) => b.has(each));
}

function normalHost(host: string): string {
  if (host.startsWith("/")) return host.replace(/(?<=.)\/+$/, "");
  return host.toLowerCase().replace(/\.$/, "");
}
