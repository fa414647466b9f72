-- One journal of one kiosk. Its end is the cursor.
create table if not exists journal (
  kiosk      text    not null,
  epoch      text    not null,
  key        text    not null,            -- that verifies its checkpoints, of the first batch
  seq        integer not null,            -- everything up to it is here
  frontier   blob    not null,            -- roots of the perfect subtrees of the tree so far
  checkpoint text    not null,            -- the last, signed by both; '' before the first
  conflict   text    not null,            -- why nothing more is taken; '' for all is well
  seen       text    not null,            -- last batch, RFC 3339
  primary key (kiosk, epoch)
) strict;

create table if not exists record (
  kiosk   text    not null,
  epoch   text    not null,
  seq     integer not null,
  session text    not null,
  kind    text    not null,
  line    text    not null,               -- as it came; '' where it was refused
  hash    blob    not null,               -- of the leaf, RFC 6962
  refused text    not null,               -- why; '' where it was taken
  primary key (kiosk, epoch, seq)
) strict, without rowid;
create index if not exists record_kind on record (kind, kiosk, seq);
create index if not exists record_session on record (session);
create index if not exists record_refused on record (kiosk, epoch, seq) where refused <> '';

-- How often a record that was refused was taken later: what was computed of the journal is computed anew.
create table if not exists retaken (
  kiosk text    not null,
  epoch text    not null,
  times integer not null,
  primary key (kiosk, epoch)
) strict;

-- What a kiosk is to do. It goes with each answer until its journal says what came of it.
create table if not exists instruction (
  kiosk  text not null,
  id     text not null,
  signed text not null,
  state  text not null,                   -- waiting, instruction_taken, instruction_done, instruction_refused
  why    text not null,
  primary key (kiosk, id)
) strict;

-- How far a JetStream was taken.
create table if not exists stream (
  one  integer primary key check (one = 1),
  done integer not null
) strict;

-- The database's own id, for ever.
create table if not exists office (
  one integer primary key check (one = 1),
  id  text not null
) strict;

-- That nothing was heard of a kiosk, and that it was heard again.
create table if not exists silence (
  seq   integer primary key,
  kiosk text not null,
  kind  text not null,                    -- kiosk_silent, kiosk_heard
  at    text not null,                    -- when it was found, RFC 3339
  since text not null                     -- the last batch before it, RFC 3339
) strict;

-- Who came in at the page, and who was refused.
create table if not exists visit (
  seq  integer primary key,
  at   text not null,
  kind text not null,
  body text not null                      -- JSON
) strict;

-- For whoever looks with SQL: an OCPI CDR and the captured amount a row.
create view if not exists cdr as
  select kiosk, session, line ->> '$.body.cdr.id' as id, line ->> '$.body.cdr.start_date_time' as start,
    line ->> '$.body.cdr.total_energy' as kwh, line ->> '$.body.cdr.currency' as currency, line -> '$.body.cdr' as cdr
  from record where kind = 'ocpi_cdr';
create view if not exists refused as
  select kiosk, epoch, seq, kind, refused as why from record where refused <> '';
