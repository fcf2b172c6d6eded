-- A number that names the order of the lists of users, as list_order does for those of products: with it readers remember what they
-- have found.
INSERT INTO shop_counters (name, value) VALUES ('user_order', 0);

CREATE FUNCTION draw_user_order() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    -- Once a transaction: nobody else sees a number in between.
    UPDATE shop_counters SET value = floor(random() * 9007199254740992)::bigint
    WHERE name = 'user_order' AND xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END
$$;

-- Deferred to the end of the transaction: whoever holds this row wants no other any more, so nobody waits in a circle.
CREATE CONSTRAINT TRIGGER users_come_or_go AFTER INSERT OR DELETE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION draw_user_order();
CREATE CONSTRAINT TRIGGER users_move AFTER UPDATE OF name_key, surname_key, phone_number, is_admin, wiped_at ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        (OLD.name_key, OLD.surname_key, OLD.phone_number, OLD.is_admin, OLD.wiped_at)
        IS DISTINCT FROM (NEW.name_key, NEW.surname_key, NEW.phone_number, NEW.is_admin, NEW.wiped_at)
    )
    EXECUTE FUNCTION draw_user_order();
CREATE TRIGGER users_truncated AFTER TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION draw_user_order();
