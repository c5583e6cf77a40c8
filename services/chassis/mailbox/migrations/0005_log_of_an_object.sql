-- What was done and looked at about one object, the newest first, without going through the whole log.
CREATE INDEX audit_log_object ON audit_log (center_id, object_id, seq DESC);
