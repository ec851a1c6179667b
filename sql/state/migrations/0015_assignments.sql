-- Assignments are a kind of their own beside exams: rows, dates and exemptions of them may be kept.
alter table lmsmon.streams drop constraint streams_kind_check;
alter table lmsmon.streams add constraint streams_kind_check check (kind in ('exam', 'assignment', 'content'));
alter table lmsmon.activities drop constraint activities_kind;
alter table lmsmon.activities add constraint activities_kind check (kind in ('exam', 'assignment', 'content'));
alter table lmsmon.exemptions drop constraint exemptions_kind;
alter table lmsmon.exemptions add constraint exemptions_kind check (kind in ('exam', 'assignment', 'content'));
