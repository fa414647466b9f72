-- How far an operator's central system was told of the journal.
create table csms (
  one     integer primary key check (one = 1),
  told    integer not null,               -- it was told of every record up to it
  part    integer not null,               -- and so many messages of the record after it
  state   text    not null                -- JSON: what is known of the sessions that are not over
) strict;

-- Messages that it refused, or left without an answer. They wait for a person.
create table csms_parked (
  id      integer primary key autoincrement,
  seq     integer not null,               -- of the record that it tells of
  action  text    not null,
  payload text    not null,
  why     text    not null,
  again   integer not null                -- to be sent once more
) strict;
