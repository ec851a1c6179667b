import type { LmsConfig } from "../../../lib/config/config.ts";

/** The section `lms` for a Testpress LMS at `url`, without a password. */
export function testLmsConfig(url: string, changes: Partial<LmsConfig> = {}): LmsConfig {
  return {
    name: "testpress",
    url,
    password: null,
    preset: "testpress",
    timezone: "UTC",
    statementTimeoutMs: 30_000,
    examDurationUnit: "auto",
    ...changes,
  };
}
