-- The outbox is the records after acked, and what is parked.
create table uplink (
  one        integer primary key check (one = 1),
  acked      integer not null,            -- the back office has every record up to it but the parked
  signed     integer not null,            -- records of the last checkpoint that it signed
  checkpoint text    not null             -- that one; '' before the first
) strict;
insert into uplink values (1, 0, 0, '');
drop table outbox;

-- Records that the back office does not have. They wait for a person.
create table parked (
  seq   integer primary key references record (seq),
  why   text    not null,
  again integer not null,                 -- to be sent once more
  ours  integer not null                  -- it was not refused but never sent
) strict;

-- What recognises a card again. It is no part of its record, so that it can be forgotten.
create table token (
  seq   integer primary key references record (seq),
  token text    not null,
  day   integer not null                  -- since 1970
) strict;
create index token_token on token (token);
-- Before, it was part of them.
insert into token select seq, coalesce(json_extract(body, '$.hold.card_token'), json_extract(body, '$.card_token')), cast(julianday(wall) - 2440587.5 as integer)
  from record where kind in ('hold_ok', 'hold_declined') and coalesce(json_extract(body, '$.hold.card_token'), json_extract(body, '$.card_token')) <> '';

-- Records that were forgotten here because the back office has them. Their leaves stay in hash.
create table thinned (
  seq integer primary key
) strict;
insert into meta values ('thinned', '0'); -- records up to it were looked at
