-- What kiosks sent, record by record, as the tree of each journal has it.
create table if not exists record (
  kiosk   text   not null,
  epoch   text   not null,              -- of the journal: a new memory card begins another
  seq     bigint not null,
  session text   not null,              -- '' for what belongs to the site
  kind    text   not null,
  wall    timestamptz,                  -- null where the kiosk withholds the record
  body    jsonb,
  line    text   not null,              -- byte for byte, as it was hashed; '' where it is withheld
  primary key (kiosk, epoch, seq)
);
create index if not exists record_session on record (session) where session <> '';
create index if not exists record_kind on record (kind, wall);

-- How far the stream was taken.
create table if not exists place (
  one  boolean primary key check (one),
  done bigint not null
);

-- Money that was taken: the last word of each session's booking, however often it was told.
create or replace view capture as
  select distinct on (kiosk, session) kiosk, session, wall,
    (body -> 'booking' -> 'booked' ->> 'amount')::numeric as amount, body -> 'booking' -> 'booked' ->> 'currency' as currency
  from record where kind in ('capture_ok', 'capture_confirmed') order by kiosk, session, seq desc;

-- Faults that last: the last word of each.
create or replace view fault as
  select kiosk, code, bay, wall as since from (
    select distinct on (kiosk, body ->> 'fault', coalesce(body ->> 'bay', '0')) kiosk, body ->> 'fault' as code,
      coalesce(body ->> 'bay', '0')::int as bay, wall, kind
    from record where kind in ('fault_raised', 'fault_cleared')
    order by kiosk, body ->> 'fault', coalesce(body ->> 'bay', '0'), seq desc) last
  where kind = 'fault_raised';
