-- Rows whose key is no signed 64-bit number (bigint unsigned of MySQL, numeric of PostgreSQL): the key as the LMS writes it.
create table lmsmon.quarantined_keys (
  stream_id  smallint not null references lmsmon.streams,
  row_key    text     collate "C" not null,
  reason     text     not null,
  first_seen timestamptz not null default now(),
  last_seen  timestamptz not null default now(),
  tries      integer  not null default 1,
  primary key (stream_id, row_key)
);

-- Rows read by a poll with bytes that are no text of the LMS's encoding.
alter table lmsmon.poll_runs add column unreadable_texts bigint not null default 0;
