-- Documents that came without a word what they are: while one is not looked at, nobody is asked again for what it may be.
ALTER TABLE inquiries ADD COLUMN loose jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN inquiries.loose IS 'No PHI: ids of documents, the newest version that was heard of each, and since when it waits to be named.';

-- Documents for which a person waits to be asked again have a timer from now on, also where they were asked before there was one: it
-- looks at once, and comes again when it is time. The owner sees no row of any center while the policies hold for it too.
ALTER TABLE inquiries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE timers NO FORCE ROW LEVEL SECURITY;
INSERT INTO timers (timer_id, center_id, aggregate_id, kind, occurrence, due_at)
SELECT gen_random_uuid(), center_id, inquiry_id, 'records-chase', 'upgrade', now()
FROM inquiries WHERE open AND checklist @> '[{"state": "requested"}]';
ALTER TABLE timers FORCE ROW LEVEL SECURITY;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;
