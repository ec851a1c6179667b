import mysql from "mysql2/promise";
import postgres from "postgres";
import type { LmsConfig, MappingText } from "../../../lib/config/config.ts";
import { parseYaml } from "../../../lib/config/parse_yaml.ts";
import type { KeyStore } from "../../../lib/source/lms_keys.ts";
import type { LmsSource } from "../../../lib/source/lms_source.ts";
import { openLms } from "../../../lib/source/open_lms.ts";
import type { TestServer } from "../databases.ts";
import { testLmsConfig } from "../lms/test_lms_config.ts";

/** A database with the tables of some LMS, read by a mapping in YAML. */
export interface CustomLms extends AsyncDisposable {
  readonly url: string;
  execute(statement: string): Promise<unknown>;
  /** Closed with this database. */
  open(yaml: string, options?: { keyStore?: KeyStore; changes?: Partial<LmsConfig> }): Promise<LmsSource>;
}

export function mappingText(yaml: string, label = "mapping.yaml"): MappingText {
  const tree = parseYaml(yaml);
  if (tree.errors.length > 0) throw new Error(JSON.stringify(tree.errors));
  return { label, value: tree.value, locate: (path) => tree.locate(path, false) };
}

/** `script`: statements, each on lines of its own that end with a semicolon. */
export async function customLms(server: TestServer, script: string): Promise<CustomLms> {
  const database = await server.createDatabase("custom");
  const sql = server.dialect === "postgres"
    ? postgres(database.url, { max: 1, fetch_types: false, onnotice: () => {} })
    : null;
  const connection = sql === null ? await mysql.createConnection({ uri: database.url }) : null;
  const execute = (statement: string): Promise<unknown> =>
    sql === null ? connection?.query(statement) ?? Promise.resolve() : sql.unsafe(statement);
  for (const statement of script.split(/;\s*\n/)) if (statement.trim() !== "") await execute(statement);
  const opened: LmsSource[] = [];
  return {
    url: database.url,
    execute,
    open: async (yaml, { keyStore, changes } = {}) => {
      const config = testLmsConfig(database.url, { preset: "custom", mapping: mappingText(yaml), ...changes });
      const source = await openLms(config, { keyStore });
      opened.push(source);
      return source;
    },
    [Symbol.asyncDispose]: async () => {
      for (const source of opened) await source.close();
      await sql?.end({ timeout: 5 });
      await connection?.end();
      await database.drop();
    },
  };
}
