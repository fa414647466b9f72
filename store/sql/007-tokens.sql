-- Who may ask over the network without a password: programs. The token itself is shown once, and only its hash is here.
create table api_token (
  name   text primary key,
  hash   text not null unique,            -- SHA-256 of the token, hexadecimal
  scopes text not null,                   -- words with a blank between them
  made   text not null,                   -- RFC 3339
  until  text not null,                   -- RFC 3339; '' for no end
  used   text not null                    -- the day of its last use; '' for never
) strict;
