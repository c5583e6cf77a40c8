-- What the center does not treat: by which entry of programs.toml, how far its answer is, and why somebody worked it all the same.
-- Inquiries of before say nothing and are worked as they were.
ALTER TABLE inquiries
    ADD COLUMN scope_entry  text NOT NULL DEFAULT '',
    ADD COLUMN scope_state  text NOT NULL DEFAULT 'in_scope',
    ADD COLUMN scope_reason text NOT NULL DEFAULT '',
    ADD CONSTRAINT out_of_scope_names_its_entry CHECK (scope_state = 'in_scope' OR scope_entry <> '');
