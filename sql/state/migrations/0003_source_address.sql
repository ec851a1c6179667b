-- Where the LMS was when it was accepted: {"dialect", "hosts": [{"host", "port"}], "database"}, never a user, a password or a
-- word about TLS. A copy of an LMS has the same rows, so an edited address is noticed by itself. Null: recorded before this
-- column was there; the next poll that knows the LMS by its identity and rows fills it in.
alter table lmsmon.sources add column address jsonb;

-- What the administrator is still to be told of this source, {"key", "text"}. It waits here while Zulip is away, and for a
-- process that delivers when this one only polls.
alter table lmsmon.sources add column notice jsonb;
