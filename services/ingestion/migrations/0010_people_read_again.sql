-- Whose answers a person mended is read again by the person index: an empty version is nobody's way of reading.
COMMENT ON COLUMN indexed_people.version IS 'Keyed hash of how tokens are made. Under another key or another way it differs, and the person is read anew; empty: the answers were mended since.';
CREATE INDEX indexed_people_mended ON indexed_people (center_id, inquiry_id) WHERE version = '';

-- The owner of the tables is held to the policies as well; a migration is about all centers.
ALTER TABLE indexed_people NO FORCE ROW LEVEL SECURITY;
ALTER TABLE repair_steps NO FORCE ROW LEVEL SECURITY;
-- Who was mended before this was read by what they were called then.
UPDATE indexed_people SET version = ''
FROM repair_steps AS done WHERE done.step = 'mend' AND done.center_id = indexed_people.center_id AND done.object_id = inquiry_id;
ALTER TABLE repair_steps FORCE ROW LEVEL SECURITY;
ALTER TABLE indexed_people FORCE ROW LEVEL SECURITY;
