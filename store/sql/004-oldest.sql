-- The lowest number of the last migration that a program may know and still write here. A
-- migration that only adds leaves it as it is, so that the kioskd of before goes on with what
-- this one wrote; one that changes what is there raises it to its own number.
insert into meta values ('oldest', '4');
