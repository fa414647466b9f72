-- How many visitors did what, by the site's day and hour. It is no record: no person is named, and nothing rests on it.
create table counter (
  day  text    not null,                  -- as 2026-03-02
  hour integer not null,
  what text    not null,
  n    integer not null,
  primary key (day, hour, what)
) strict, without rowid;
