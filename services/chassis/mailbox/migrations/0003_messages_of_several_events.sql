-- What a transaction tells of one subject travels as one message, and is dealt with as a whole nearly always: the listener
-- now notes the message, one row, instead of each of its events. For that the message has to hold the same events whenever
-- it is published, so the outbox says which events belong to which.
--
-- Two columns have new names, so that a process of the release before fails at its first statement instead of publishing
-- these events one by one, which their listeners could not recognise: stop all services, migrate, start.

ALTER TABLE outbox ADD COLUMN message_id uuid;
COMMENT ON COLUMN outbox.message_id IS 'The message that the event shares with others of its transaction; NULL: it has one of its own, under its own id.';

ALTER TABLE outbox_pending RENAME COLUMN event_ids TO waiting;

ALTER TABLE inbox RENAME COLUMN event_id TO id;
ALTER TABLE inbox ADD COLUMN torn boolean NOT NULL DEFAULT false;
COMMENT ON TABLE inbox IS 'What this service has dealt with: the guarantee that each event has its effect once.';
COMMENT ON COLUMN inbox.id IS 'One event, or a message that holds several.';
COMMENT ON COLUMN inbox.torn IS 'A message of which not all events are known to be dealt with: those that are have rows of their own.';
