-- An LMS whose keys are no whole numbers, whose rows hold several attempts, or which gives a mark without a verdict.

-- How the keys of a stream lie in the keyed comparison (lib/model/key_space.ts): 0 whole numbers, 1 pairs of them, 2 texts.
alter table lmsmon.streams add column key_form smallint not null default 0;

-- Where an LMS reuses a row for the next attempt: the number of the attempt that was last known in it.
alter table lmsmon.row_states add column attempt_no integer;

-- Ids above 2^62 stand for texts of an LMS: hashes of what they are ids of and of the text, so that one table serves all sources.
create table lmsmon.lms_keys (
  id   bigint primary key,
  sort text collate "C" not null,
  key  text not null
);

create function lmsmon.key_of(id bigint) returns text language sql stable parallel safe as
$$ select k.key from lmsmon.lms_keys k where k.id = $1 $$;

-- The LMS's own key for an id of the state: a text, a pair of whole numbers ("7/203"), or the number that it is.
create function lmsmon.lms_key(id bigint) returns text language sql stable parallel safe as
$$ select case
     when id >= 4611686018427387904 then coalesce(lmsmon.key_of(id), id::text)
     -- an LMS of whole numbers may have such an id, too
     when id < -4611686018427387904 and exists (select from lmsmon.streams s where s.key_form = 1) then
       ((id & 9223372036854775807) >> 31)::text || '/' || (id & 2147483647)::text
     else id::text end $$;

-- An id in JSON: a number where every reader of JSON keeps its digits, else text.
create or replace function lmsmon.export_id(id bigint) returns text language sql stable parallel safe as
$$ select case
     when id between -9007199254740992 and 9007199254740992 then id::text
     when id between -4611686018427387904 and 4611686018427387903 then '"' || id::text || '"'
     else to_json(lmsmon.lms_key(id))::text end $$;

-- How far the log of an LMS was read for a stream, where its preset reads one; and rows of it that were purged unread.
alter table lmsmon.streams
  add column log_cursor    bigint,
  add column log_read_to   bigint,
  add column log_overtaken integer not null default 0;
