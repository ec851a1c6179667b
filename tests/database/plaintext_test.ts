import assert from "node:assert/strict";
import { withPostgres } from "../support/databases.ts";
import { lmsSchema } from "../../lib/demo/lms_writer.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { spawnPostgres } from "../support/spawned_servers.ts";
import { makeCertificates } from "../support/tls_servers.ts";

/** An address of this machine that is not its loopback: for lmsmon another machine. */
const address = Deno.networkInterfaces().find(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
  ?.address;
const certificates = await makeCertificates();
const files = await certificates.server("anywhere", `IP:${address ?? "127.0.0.1"}`);
const url = await spawnPostgres({
  files,
  hba: "local all all trust\nhost all all all trust\n",
  args: (folder) => [
    ...["-h", "0.0.0.0", "-c", "ssl=on"],
    ...["-c", `ssl_cert_file=${folder}/server.crt`, "-c", `ssl_key_file=${folder}/server.key`],
  ],
});

Deno.test({
  name: "doctor warns where another machine is spoken to without TLS, of lms.url and of state.url, and nowhere else",
  ignore: url === null || address === undefined,
  fn: async () => {
    await withPostgres(
      url ?? "",
      (sql) => sql.unsafe("create database lms; ").then(() => sql.unsafe("create database state")),
    );
    const { port } = new URL(url ?? "");
    await withPostgres(`postgres://postgres@127.0.0.1:${port}/lms`, async (sql) => {
      for (const statement of lmsSchema("postgres")) await sql.unsafe(statement);
    });
    const ca = `sslrootcert=${certificates.authority.file}`;
    const warned = async (host: string, words: string) => {
      const to = (database: string) => `postgres://postgres@${host}:${port}/${database}?${words}`;
      await using home = await LmsmonHome.make({
        lms: { url: to("lms") },
        state: { url: to("state") },
        notify: { enabled: false },
      });
      const migrated = await home.run("migrate");
      assert.equal(migrated.code, 0, migrated.err);
      const { code, out, err } = await home.run("doctor", "--json");
      assert.equal(code, 0, err + out);
      const { checks } = JSON.parse(out) as { checks: { part: string; status: string; message: string }[] };
      return checks.filter(({ message }) => message.includes("without TLS")).map(({ part, status }) =>
        `${part} ${status}`
      );
    };
    assert.deepEqual(await warned(address ?? "", "sslmode=disable"), ["lms warning", "state warning"]);
    assert.deepEqual(await warned(address ?? "", ""), []);
    assert.deepEqual(await warned(address ?? "", `sslmode=verify-full&${ca}`), []);
    assert.deepEqual(await warned("127.0.0.1", "sslmode=disable"), []);
  },
});
