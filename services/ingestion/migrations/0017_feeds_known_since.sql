-- Since when a feed is looked after: one whose volume is stated and that has never sent is quiet as well.
ALTER TABLE feed_states ADD COLUMN known_since timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN feed_states.known_since IS 'When the feed was first looked at (of those from before this column: when it was made). Forgotten when the feed leaves the profile.';
