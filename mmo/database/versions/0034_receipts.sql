-- A receipt names a part by the centre's id, which it may write in another way than in its answer. It is bound to the
-- route that the part went by, to its time, and to what it tells of sender and number.
ALTER TABLE notifications.part
    ADD COLUMN route text NOT NULL DEFAULT '',          -- the centre and our name there
    ADD COLUMN sender text NOT NULL DEFAULT '',
    ADD COLUMN number_tail text NOT NULL DEFAULT '',    -- last four digits, which may stand in clear
    ADD COLUMN exact text NOT NULL DEFAULT '',          -- the id without padding, in lower case
    ADD COLUMN as_decimal text,                         -- the number that it is, read as decimal
    ADD COLUMN as_hexadecimal text,                     -- the number that it is, read as hexadecimal
    ADD COLUMN sent_at timestamptz NOT NULL DEFAULT now();
UPDATE notifications.part SET exact = coalesce(nullif(ltrim(lower(btrim(centre_id)), '0'), ''), '0');
DROP INDEX notifications.part_centre;
CREATE INDEX part_exact ON notifications.part (exact);
CREATE INDEX part_as_decimal ON notifications.part (as_decimal) WHERE as_decimal IS NOT NULL;
CREATE INDEX part_as_hexadecimal ON notifications.part (as_hexadecimal) WHERE as_hexadecimal IS NOT NULL;
