import { addressLabel, type DatabaseAddress } from "../database/database_address.ts";

/** The address of an embedded LMS: its directory. */
export function embeddedAddress(url: string): DatabaseAddress {
  return { dialect: "postgres", hosts: [], database: url };
}

/** Equal for two spellings that are the same without asking a name server: letters' case, a final dot, the order of hosts. */
export function normalAddress({ dialect, hosts, database }: DatabaseAddress): DatabaseAddress {
  const spelled = hosts.map(({ host, port }) => ({ host: normalHost(host), port }));
  const key = ({ host, port }: DatabaseAddress["hosts"][number]) => `${host} ${port}`;
  return { dialect, hosts: spelled.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)), database };
}

/** `postgres db.example.org:5432/lms`, every host of several. */
export function printAddress(address: DatabaseAddress): string {
  return address.hosts.length === 0 ? address.database : `${address.dialect} ${addressLabel(address)}`;
}

export type AddressChange = "none" | "spelling" | "edited";

/**
 * Whether an address was edited to another place. `addressesOf` gives what a host stands for (IP addresses, or the path of a
 * socket); nothing when that is not known, and then another spelling counts as another host.
 */
export function compareAddresses(
  before: DatabaseAddress,
  now: DatabaseAddress,
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

type Host = DatabaseAddress["hosts"][number];

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
