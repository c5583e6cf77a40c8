-- An event costs more in indexes than in rows. Each of these tables is now found by its primary key, in the order in which
-- it is read, and by nothing that only repeats it.

ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
DROP INDEX outbox_created;
-- The reconciler walks by time; the relay knows the time of what it seeks.
ALTER TABLE outbox ADD PRIMARY KEY (created_at, event_id);

-- One row for all events of a transaction instead of one for each: they are published together and come off together.
ALTER TABLE outbox_pending DROP CONSTRAINT outbox_pending_pkey;
DROP INDEX outbox_pending_created;
ALTER TABLE outbox_pending RENAME COLUMN event_id TO batch_id;
ALTER TABLE outbox_pending ADD COLUMN event_ids uuid[];
UPDATE outbox_pending SET event_ids = ARRAY[batch_id];
ALTER TABLE outbox_pending ALTER COLUMN event_ids SET NOT NULL;
ALTER TABLE outbox_pending DROP COLUMN attempts;
ALTER TABLE outbox_pending ADD PRIMARY KEY (created_at, batch_id);
COMMENT ON TABLE outbox_pending IS 'Transactions of which some events are not known to be on the bus.';
COMMENT ON COLUMN outbox_pending.batch_id IS 'The first event of the transaction.';
COMMENT ON COLUMN outbox_pending.event_ids IS 'The events that wait; all have this created_at.';

ALTER TABLE timers DROP CONSTRAINT timers_pkey;
ALTER TABLE timers DROP CONSTRAINT timers_center_id_aggregate_id_kind_occurrence_key;
ALTER TABLE timers ADD PRIMARY KEY (center_id, aggregate_id, kind, occurrence);
