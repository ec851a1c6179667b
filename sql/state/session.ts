import { z } from "zod";
import { neverNull, text } from "./columns.ts";
import type { Queryable } from "./queryable.ts";

export const SessionTimeoutRow = z.object({ timeout: text.nullable() });
export type SessionTimeoutRow = z.infer<typeof SessionTimeoutRow>;

/** Whether a start parameter arrived: a pooler in between may have ignored it. */
export const selectSessionTimeout = (sql: Queryable) =>
  sql<SessionTimeoutRow[]>`select current_setting('idle_in_transaction_session_timeout') as timeout`;

export const OtherSettingRow = z.object({ name: neverNull(text), wanted: neverNull(text), value: neverNull(text) });
export type OtherSettingRow = z.infer<typeof OtherSettingRow>;

/** Those of these settings that the session has otherwise. */
export const selectOtherSettings = (sql: Queryable, names: readonly string[], wanted: readonly string[]) =>
  sql<OtherSettingRow[]>`
    select s.name, s.wanted, current_setting(s.name) as value
    from unnest(${names}::text[], ${wanted}::text[]) as s (name, wanted)
    where current_setting(s.name) <> s.wanted`;
