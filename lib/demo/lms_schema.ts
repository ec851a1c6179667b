import mysqlSchema from "../../sql/lms/testpress/schema_mysql.sql" with { type: "text" };
import postgresSchema from "../../sql/lms/testpress/schema_postgres.sql" with { type: "text" };
import type { WriteDialect } from "../../sql/lms/write_statements.ts";

/** The statements that create an empty Testpress database, in order. */
export function lmsSchema(dialect: WriteDialect): readonly string[] {
  return (dialect === "postgres" ? postgresSchema : mysqlSchema)
    .replace(/--.*$/gm, "").split(/;\s*(?:\n|$)/).map((statement) => statement.trim()).filter((s) => s !== "");
}
