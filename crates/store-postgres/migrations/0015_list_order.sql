-- A number that names the order of all lists of products: whatever changes what is in a list or where puts another one in
-- its place. What readers remember of deep pages is true as long as the number of their snapshot is the one under which it
-- was remembered. Drawn, not counted: after a restore, or a failover that lost a change, no number stands for another order.
-- Its row is locked until the change is committed, so a snapshot that has one change has all before it.
INSERT INTO shop_counters (name, value) VALUES ('list_order', 0);

CREATE FUNCTION draw_list_order() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    -- Once a transaction: nobody else sees a number in between.
    UPDATE shop_counters SET value = floor(random() * 9007199254740992)::bigint
    WHERE name = 'list_order' AND xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END
$$;

CREATE TRIGGER slippers_come AFTER INSERT ON slippers
    FOR EACH STATEMENT EXECUTE FUNCTION draw_list_order();
CREATE TRIGGER slippers_go AFTER DELETE OR TRUNCATE ON slippers
    FOR EACH STATEMENT EXECUTE FUNCTION draw_list_order();
CREATE TRIGGER slippers_move AFTER UPDATE OF name_key, size_key, price_minor, category_id, created_at ON slippers
    FOR EACH ROW WHEN (
        (OLD.name_key, OLD.size_key, OLD.price_minor, OLD.category_id, OLD.created_at)
        IS DISTINCT FROM (NEW.name_key, NEW.size_key, NEW.price_minor, NEW.category_id, NEW.created_at)
    )
    EXECUTE FUNCTION draw_list_order();
