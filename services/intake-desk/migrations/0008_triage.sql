-- Records that wait for a reviewer: since when, by when, and how far that was escalated; and why a reviewer declined an inquiry.
ALTER TABLE inquiries
    ADD COLUMN review_since     timestamptz,
    ADD COLUMN review_due_at    timestamptz,
    -- Levels of escalation of this review that were reached.
    ADD COLUMN review_escalated integer NOT NULL DEFAULT 0,
    ADD COLUMN decline_reason   text    NOT NULL DEFAULT '',
    ADD CONSTRAINT a_review_has_its_time CHECK ((review_since IS NULL) = (review_due_at IS NULL)),
    ADD CONSTRAINT declined_names_where_to_go CHECK (decline_reason = '' OR scope_entry <> '');

-- What waits at the upgrade is watched from then on, and due when it was due: the first timer looks at once which levels have passed.
-- The owner sees no row of any center while the policies hold for it too.
ALTER TABLE inquiries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE timers NO FORCE ROW LEVEL SECURITY;
UPDATE inquiries SET review_since = now(), review_due_at = due_at
WHERE open AND next_action = 'review_records' AND due_at IS NOT NULL;
INSERT INTO timers (timer_id, center_id, aggregate_id, kind, occurrence, due_at, payload)
SELECT gen_random_uuid(), center_id, inquiry_id, 'review-late', version::text, review_since,
    jsonb_build_object('since', (extract(epoch FROM review_since) * 1000000)::bigint)
FROM inquiries WHERE review_since IS NOT NULL;
ALTER TABLE timers FORCE ROW LEVEL SECURITY;
ALTER TABLE inquiries FORCE ROW LEVEL SECURITY;

-- The reviewers' queue, due first: one team's or, team by team, several.
CREATE INDEX inquiries_to_review ON inquiries (center_id, team, due_at, inquiry_id) WHERE open AND next_action = 'review_records';
