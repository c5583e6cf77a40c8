-- The last dated next step that was agreed where no visit applies: its kind, when it is, how it ended.
ALTER TABLE inquiries ADD COLUMN next_step jsonb;
COMMENT ON COLUMN inquiries.next_step IS 'No PHI: id of the kind in booking.toml, its time, the version at which it was agreed, how it ended.';
