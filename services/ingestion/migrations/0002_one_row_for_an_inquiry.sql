-- An inquiry, the person behind it and its key were three rows that were always written together. One row costs half of
-- that, and there is no lost race to clean up after: it stands as a whole or not at all. Nothing but sealed holds PHI.

ALTER TABLE inquiries ADD COLUMN key bytea;
ALTER TABLE inquiries ADD COLUMN content_hash bytea;
ALTER TABLE inquiries ADD COLUMN to_repair bytea;
ALTER TABLE inquiries ADD COLUMN key_id smallint NOT NULL DEFAULT 1;
ALTER TABLE inquiries ADD COLUMN sealed bytea;
-- Sealed bytes do not compress; trying costs and gains nothing. They stay in the row, which is read together with them.
ALTER TABLE inquiries ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- The owner of the tables is held to the policies as well; a migration is about all centers.
ALTER TABLE inquiries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE people NO FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY;
UPDATE inquiries SET sealed = people.sealed, key_id = people.key_id
FROM people WHERE people.center_id = inquiries.center_id AND people.inquiry_id = inquiries.inquiry_id;
UPDATE inquiries SET key = kept.key, content_hash = kept.content_hash,
    to_repair = CASE WHEN inquiries.needs_repair THEN kept.answer END
FROM idempotency_keys AS kept WHERE kept.center_id = inquiries.center_id AND kept.inquiry_id = inquiries.inquiry_id;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;

ALTER TABLE inquiries ALTER COLUMN sealed SET NOT NULL;
CREATE UNIQUE INDEX inquiries_key ON inquiries (center_id, key) WHERE key IS NOT NULL;
DROP TABLE people;
DROP TABLE idempotency_keys;

COMMENT ON COLUMN inquiries.key IS 'Keyed hash of what the sender chose to know a repeat by, which may be a name.';
COMMENT ON COLUMN inquiries.content_hash IS 'Keyed, so that it does not tell what was sent.';
COMMENT ON COLUMN inquiries.to_repair IS 'causeway.inquiry.v1.SubmitInquiryResponse with the faults that the sender was told of; NULL: none.';
COMMENT ON COLUMN inquiries.key_id IS 'Generation of the master key.';
COMMENT ON COLUMN inquiries.sealed IS 'All PHI of an inquiry, sealed with the center''s key and bound to the inquiry.';
