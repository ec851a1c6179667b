import initial from "./0001_initial.sql" with { type: "text" };

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Every migration, in order; tests/store/migrate_test.ts holds it equal to the folder. */
export const migrations: readonly Migration[] = [
  { version: 1, name: "0001_initial", sql: initial },
];
