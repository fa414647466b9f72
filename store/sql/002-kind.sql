-- What is looked for by its kind: the day so far, the last sessions, receipts of a card.
create index record_kind on record (kind, seq);
