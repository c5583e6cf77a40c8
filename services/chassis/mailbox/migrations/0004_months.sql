-- The outbox has months of its own from its first migration on, and those end. Whoever migrates calls this each time: it makes
-- what is missing from this month to the eleventh after it. Rows that stand in the rest because their month was missing move.

CREATE FUNCTION outbox_months() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first date;
    after date;
    name text;
BEGIN
    FOR ahead IN 0..11 LOOP
        first := (date_trunc('month', now()) + make_interval(months => ahead))::date;
        after := (first + interval '1 month')::date;
        name := 'outbox_' || to_char(first, 'YYYY_MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE outbox INCLUDING ALL)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM outbox_rest WHERE created_at >= %L AND created_at < %L RETURNING *) '
            'INSERT INTO %I SELECT * FROM moved', first, after, name);
        EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, after);
    END LOOP;
END $$;
COMMENT ON FUNCTION outbox_months IS 'Makes the months of the outbox that are missing, a year ahead.';
