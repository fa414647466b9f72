-- What happened, in order. body is a JSON object; leaf is what the Merkle tree hashes.
create table record (
  seq      integer primary key,           -- 1, 2, 3 without a gap
  session  text    not null,              -- '' for what belongs to the site
  kind     text    not null,
  body     text    not null,
  wall     text    not null,              -- RFC 3339 with offset
  mono     integer not null,              -- nanoseconds since the daemon's start
  clock_ok integer not null
) strict;
create index record_session on record (session, seq) where session <> '';

-- Stored hashes of golang.org/x/mod/sumdb/tlog: record seq is leaf seq-1.
create table hash (
  idx  integer primary key,
  hash blob not null
) strict;

-- Records that a back office has not acknowledged yet.
create table outbox (
  seq integer primary key references record (seq)
) strict;

create table session (
  id        text primary key,
  reference text not null,
  open      integer not null              -- something is still to be done for it
) strict;
create index session_open on session (id) where open = 1;
create index session_reference on session (reference);

create table meta (
  key   text primary key,
  value text not null
) strict;
insert into meta values ('epoch', lower(hex(randomblob(16)))); -- made with the database
