-- A dated next step of an inquiry is kept as its visits are: under the inquiry's own id, with its kind here. It has no site.
ALTER TABLE appointments ADD COLUMN next_step text NOT NULL DEFAULT '';
COMMENT ON COLUMN appointments.next_step IS 'Id of the kind in booking.toml; empty: it is a visit.';
