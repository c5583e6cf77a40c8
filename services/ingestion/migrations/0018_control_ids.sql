-- Which control ids were ever used, so that the ordinary message is written by one statement: a plain row clashes where its
-- control id stands already, and only then is it looked at what stands there. Every process that writes messages has to know
-- of it: stop all of ingestion, migrate, start.
CREATE TABLE control_ids (
    center_id   text  NOT NULL,
    control_key bytea NOT NULL,
    PRIMARY KEY (center_id, control_key)
);
COMMENT ON TABLE control_ids IS 'Control keys under which a message came at any time. A row stays when its message is taken back: the next one is then written with care.';

-- The owner of the tables is held to the policies as well; a migration is about all centers.
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;
INSERT INTO control_ids (center_id, control_key) SELECT DISTINCT center_id, control_key FROM messages;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;

ALTER TABLE control_ids ENABLE ROW LEVEL SECURITY;
ALTER TABLE control_ids FORCE ROW LEVEL SECURITY;
CREATE POLICY center ON control_ids USING (center_id = current_setting('app.center', true))
    WITH CHECK (center_id = current_setting('app.center', true));

-- What stands under a control key is found by messages_same and messages_refused, which begin with it.
DROP INDEX messages_control;
