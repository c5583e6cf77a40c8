-- Why the rows before the one that took an inquiry did not, kept with the decision: then it can be explained without the
-- table that it was made by.

ALTER TABLE decisions ADD COLUMN passed bytea NOT NULL DEFAULT ''::bytea;
COMMENT ON COLUMN decisions.passed IS 'For each row before the deciding one, in order, the first condition that did not fit: pairs of a condition''s code and how many rows in a row. Empty: the first row took it, or it was decided before this was kept.';
