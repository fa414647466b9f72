-- The outbox is the records after acked, and what is parked.
create table uplink (
  one        integer primary key check (one = 1),
  acked      integer not null,            -- the back office has every record up to it but the parked
  checkpoint text    not null             -- the last that it signed; '' before the first
) strict;
insert into uplink values (1, 0, '');
drop table outbox;

-- Records that the back office refused. They wait for a person.
create table parked (
  seq   integer primary key references record (seq),
  why   text    not null,
  again integer not null                  -- to be sent once more
) strict;

-- What recognises a card again. It is no part of its record, so that it can be forgotten.
create table token (
  seq   integer primary key references record (seq),
  token text not null
) strict;
create index token_token on token (token);
insert into meta values ('thinned', '0'); -- records up to it that may lose their bodies have
