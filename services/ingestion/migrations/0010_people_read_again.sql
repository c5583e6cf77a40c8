-- Whose answers a person mended is read again by the person index: an empty version is nobody's way of reading.
COMMENT ON COLUMN indexed_people.version IS 'Keyed hash of how tokens are made. Under another key or another way it differs, and the person is read anew; empty: the answers were mended since.';
CREATE INDEX indexed_people_mended ON indexed_people (center_id, inquiry_id) WHERE version = '';
