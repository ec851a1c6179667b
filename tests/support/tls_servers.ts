import { Authority } from "./certificates.ts";
import { withMysql, withPostgres } from "./databases.ts";
import { spawnMariaDb, spawnPostgres } from "./spawned_servers.ts";

const CLIENT = "lmsmon_cert";
const KEY_PASSWORD = "opens-the-key";

/** A folder with an authority, a second one, and a client's certificate with its key, open and locked. */
export async function makeCertificates() {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon-tls-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const authority = await Authority.make(folder, "authority");
  const stranger = await Authority.make(folder, "stranger");
  const client = await authority.sign(CLIENT, null);
  return {
    folder,
    authority,
    stranger,
    client,
    clientName: CLIENT,
    lockedKey: await authority.lock(CLIENT, KEY_PASSWORD),
    keyPassword: KEY_PASSWORD,
    /** Files of a server whose certificate has these names. */
    server: async (name: string, names: string) => {
      const { cert, key } = await authority.sign(name, names);
      return {
        "server.crt": await Deno.readTextFile(cert),
        "server.key": await Deno.readTextFile(key),
        "ca.crt": await Deno.readTextFile(authority.file),
      };
    },
  };
}

export type Certificates = Awaited<ReturnType<typeof makeCertificates>>;

/** A PostgreSQL that speaks TLS, but does not insist; the role `lmsmon_cert` gets in by certificate only. Its port. */
export async function tlsPostgres(certificates: Certificates, name: string, names: string): Promise<number | null> {
  const url = await spawnPostgres({
    files: await certificates.server(name, names),
    hba: `hostssl all ${CLIENT} all cert\nhost all ${CLIENT} all reject\nhost all all all trust\n`,
    args: (folder) =>
      [
        "ssl=on",
        `ssl_cert_file=${folder}/server.crt`,
        `ssl_key_file=${folder}/server.key`,
        `ssl_ca_file=${folder}/ca.crt`,
      ]
        .flatMap((setting) => ["-c", setting]),
  });
  if (url === null) return null;
  await withPostgres(url, (sql) => sql.unsafe(`create role ${CLIENT} login`));
  return Number(new URL(url).port);
}

/** The same with MariaDB; `lmsmon_cert` needs a certificate, `reader` none. */
export async function tlsMariaDb(certificates: Certificates, name: string, names: string): Promise<number | null> {
  const url = await spawnMariaDb({
    files: await certificates.server(name, names),
    args: (folder) => [
      `--ssl-cert=${folder}/server.crt`,
      `--ssl-key=${folder}/server.key`,
      `--ssl-ca=${folder}/ca.crt`,
    ],
  });
  if (url === null) return null;
  await withMysql(url, async (connection) => {
    await connection.query("create user reader@'%'");
    await connection.query(`create user ${CLIENT}@'%' require x509`);
    await connection.query(`grant select on mysql.* to reader@'%'`);
    await connection.query(`grant select on mysql.* to ${CLIENT}@'%'`);
  });
  return Number(new URL(url).port);
}
