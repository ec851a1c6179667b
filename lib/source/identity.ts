import { drivers, type Preset } from "../../sql/lms/preset.ts";
import type { LmsDriver } from "./lms_driver.ts";
import type { PresentIdentity } from "../model/source_identity.ts";

/** What answers at an address. `database` is what the address says, for a database that does not. */
export async function readIdentityOf(driver: LmsDriver, preset: Preset, database: string): Promise<PresentIdentity> {
  const { dialect } = driver;
  // The schema is that of the attempts' tables: what is stored of an LMS must not change with what else is read of it.
  const tables = Object.values(preset.kinds).flatMap((kind) =>
    kind === null ? [] : "table" in kind ? [kind.table] : drivers(kind).map(({ table }) => table)
  );
  return await driver.read(async (session) => {
    const found = new Map<string, string>();
    for (const query of dialect.identity(tables)) {
      for (const [name, value] of await session.rows(query)) if (name && value) found.set(name.toLowerCase(), value);
    }
    const [identifier, system] = [...found].find(([name]) => name !== "database" && name !== "schema") ?? [null, null];
    return {
      dialect: dialect.name,
      system,
      database: found.get("database") ?? database,
      schema: found.get("schema") ?? null,
      systemIsUnique: identifier !== null && !dialect.sharedIdentifiers.includes(identifier),
    };
  });
}
