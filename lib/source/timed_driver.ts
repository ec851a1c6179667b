import type { LmsDriver } from "./lms_driver.ts";

/** The same driver; `onQuery` hears how long each statement took, also one that failed. */
export function timedDriver(driver: LmsDriver, onQuery: (seconds: number) => void): LmsDriver {
  return {
    dialect: driver.dialect,
    plaintextHost: () => driver.plaintextHost(),
    close: () => driver.close(),
    read: (work) =>
      driver.read((session) =>
        work({
          raw: session.raw,
          columns: (query) => session.columns(query),
          rows: async (query) => {
            const started = performance.now();
            try {
              return await session.rows(query);
            } finally {
              onQuery((performance.now() - started) / 1000);
            }
          },
        })
      ),
  };
}
