-- The next inquiry for whoever asks, figures and closed ones that cost the same however many there are, which script a try used, and drafts.

-- The language of the facts, by which a colleague is found who speaks it. What came before says nothing and goes to anybody.
ALTER TABLE inquiries ADD COLUMN language text NOT NULL DEFAULT '';

-- What nobody works yet, due first: the next one, and how many there are.
CREATE INDEX inquiries_free ON inquiries (center_id, team, due_at, inquiry_id) WHERE open AND owner = '';

-- What routing chose somebody for who has not begun: a late one is anybody's next one.
CREATE INDEX inquiries_chosen ON inquiries (center_id, team, due_at, inquiry_id) WHERE open AND chosen;

-- Closed ones of one team, newest first: a small team does not look through what all others closed.
CREATE INDEX inquiries_closed_by_team ON inquiries (center_id, team, closed_at, inquiry_id) WHERE stage = 'closed';

-- The script that stood beside a try, and which version of it; empty: none, or a try of before.
ALTER TABLE attempts ADD COLUMN script text NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN script_version text NOT NULL DEFAULT '';

-- What somebody typed into a note and has not saved; nobody else sees it.
CREATE TABLE drafts (
    center_id    text        NOT NULL,
    inquiry_id   uuid        NOT NULL,
    actor_id     text        NOT NULL,
    -- The fields as JSON, sealed as a whole.
    sealed       bytea       NOT NULL,
    -- Version of the note that the person saw: what was saved since is not written over.
    base_version bigint      NOT NULL,
    saved_at     timestamptz NOT NULL,
    PRIMARY KEY (inquiry_id, actor_id)
);
ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE drafts FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON drafts USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
