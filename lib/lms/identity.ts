import type { Preset } from "../../sql/lms/preset.ts";
import type { LmsDriver } from "./lms_driver.ts";
import type { PresentIdentity } from "./lms_source.ts";

/** What answers at an address. `database` is what the address says, for a database that does not. */
export async function readIdentityOf(driver: LmsDriver, preset: Preset, database: string): Promise<PresentIdentity> {
  const { dialect } = driver;
  return await driver.read(async (session) => {
    const [about] = await session.rows(dialect.about);
    const [system] = (await session.rows(dialect.system)).filter(([, value]) => value !== null && value !== "");
    const tables = Object.values(preset.kinds).map(({ table }) => table);
    const [schema] = dialect.schemaOf === null ? [] : await session.rows(dialect.schemaOf(tables));
    return {
      dialect: dialect.name,
      system: system?.[1] ?? null,
      database: about?.[1] ?? database,
      schema: schema?.[0] ?? null,
      systemIsUnique: system !== undefined && !dialect.sharedSystem.includes(system[0]?.toLowerCase() ?? ""),
    };
  });
}
