-- What became of hand-overs to sister centers, as the center that handed over knows it: one row for each, written with the new
-- inquiry or with the refusal, so that the same hand-over told again makes no second one.
CREATE TABLE handovers (
    center_id     text        NOT NULL,
    inquiry_id    uuid        NOT NULL,
    number        bigint      NOT NULL,
    to_center     text        NOT NULL,
    to_inquiry_id uuid,
    to_reference  text        NOT NULL DEFAULT '',
    why           text        NOT NULL DEFAULT '',
    at            timestamptz NOT NULL,
    PRIMARY KEY (center_id, inquiry_id, number),
    CONSTRAINT taken_or_told_why CHECK ((to_inquiry_id IS NOT NULL AND to_reference <> '') = (why = ''))
);
COMMENT ON TABLE handovers IS 'Names no person. why: unknown_center, not_agreed, person_gone, not_sealed; empty: taken.';

ALTER TABLE handovers ENABLE ROW LEVEL SECURITY;
ALTER TABLE handovers FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON handovers USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));
