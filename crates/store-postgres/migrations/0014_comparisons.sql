-- When a paid attempt is next compared with what its gateway knows of it: money that was returned there, behind our back.
-- Null = never (again). What was paid before this is compared once, and then as its age says.
ALTER TABLE payments ADD COLUMN compare_at BIGINT;

UPDATE payments SET compare_at = paid_at WHERE status = 'PAID' AND gateway IN ('octo', 'click');

-- What is to be compared, the most overdue first.
CREATE INDEX payments_to_compare ON payments (compare_at, id) WHERE compare_at IS NOT NULL;
