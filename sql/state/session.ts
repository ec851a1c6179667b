import { z } from "zod";
import { text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const SessionTimeoutRow = z.object({ timeout: text.nullable() });
export type SessionTimeoutRow = z.infer<typeof SessionTimeoutRow>;

/** Whether a start parameter arrived: a pooler in between may have ignored it. */
export const selectSessionTimeout = (sql: Queryable) =>
  sql<SessionTimeoutRow[]>`select current_setting('idle_in_transaction_session_timeout') as timeout`;
