import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { erase, sweepFiles } from "../../lib/privacy/erase.ts";
import { openState } from "../../lib/state/open_state.ts";
import { foundBelow } from "../support/state/found_below.ts";
import { withStateDirectory } from "../support/state/state_directory.ts";

const ID = 76543210123n;
const NEEDLES = ["Zebulon Quuxley", "zebquux", "zeb@quux.example"];

Deno.test("P15: a copy of an embedded state's directory holds nothing of who was erased, also while it is open", () =>
  withStateDirectory(async (path) => {
    {
      await using db = await openState({ url: `pglite:${path}`, password: null }, { clock: systemClock });
      const id = String(ID);
      await db.sql`
        insert into lmsmon.people (source, role, id, username, email, name)
        select 'lms', 'student', i, 'other' || i, null, 'Other ' || i from generate_series(1, 50) i
        union all values ('lms', 'student', ${id}::bigint, 'zebquux', 'zeb@quux.example', 'Zebulon Quuxley')`;
      await db.sql`
        insert into lmsmon.user_links (source, role, person_id, zulip_user_id, status, email_seen)
        values ('lms', 'student', ${id}, 9, 'matched', 'zeb@quux.example')`;
      await db.sql`insert into lmsmon.mentor_links (source, student_id, mentor_ids) values ('lms', ${id}, '{3}')`;
      await db.sql`
        insert into lmsmon.messages (source, recipient, kind, zulip_user_id, content, state, zulip_message_id)
        values ('lms', 'mentor:3', 'single', 8, 'Zebulon Quuxley passed', 'sent', 500)`;
      await db.sql`analyze`;
      await db.sql`checkpoint`;
      assert.ok((await foundBelow(path, NEEDLES, ID)).length >= 5);
      await erase(db, { role: "student", source: "lms", id }, { reasonCode: "art17", dryRun: false });
      await sweepFiles(db);
      assert.deepEqual(await foundBelow(path, NEEDLES, ID), []);
    }
    assert.deepEqual(await foundBelow(path, NEEDLES, ID), []);
  }));
