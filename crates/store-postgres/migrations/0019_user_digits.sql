-- Six digits in a row, for the search of users by a phone number or the end of one: three digits in a row, as trigrams are,
-- stand in a hundredth of all numbers.
CREATE FUNCTION digit_runs(VARIADIC keys TEXT[]) RETURNS TEXT[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
    SELECT coalesce(array_agg(DISTINCT substr(key, place, 6) COLLATE "C"), '{}')
    FROM unnest(keys) AS key, generate_series(1, length(key) - 5) AS place
    WHERE substr(key, place, 6) ~ '^[0-9]{6}$'
$$;

CREATE INDEX users_digits ON users USING gin (digit_runs(name_key, surname_key, phone_number COLLATE "C"))
    WITH (fastupdate = off) WHERE wiped_at IS NULL;
