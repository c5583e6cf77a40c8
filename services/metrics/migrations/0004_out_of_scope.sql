-- The entry of programs.toml by which an inquiry counts as not treated here; empty: it is treated here.
ALTER TABLE inquiries ADD COLUMN out_of_scope text NOT NULL DEFAULT '';
COMMENT ON COLUMN inquiries.out_of_scope IS 'As the newest change of the stage tells it.';
