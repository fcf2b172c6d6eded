-- A number that names the order of all lists of products: whatever changes what is in a list or where puts another one in
-- its place. What readers remember of deep pages is true as long as the number of their snapshot is the one under which it
-- was remembered. Drawn, not counted: after a restore, or a failover that lost a change, no number stands for another order.
INSERT INTO shop_counters (name, value) VALUES ('list_order', 0);

CREATE TRIGGER slippers_come AFTER INSERT ON slippers BEGIN
    UPDATE shop_counters SET value = random() & 0x7fffffffffffffff WHERE name = 'list_order';
END;

CREATE TRIGGER slippers_go AFTER DELETE ON slippers BEGIN
    UPDATE shop_counters SET value = random() & 0x7fffffffffffffff WHERE name = 'list_order';
END;

CREATE TRIGGER slippers_move AFTER UPDATE OF name_key, size_key, price_minor, category_id, created_at ON slippers
WHEN (old.name_key, old.size_key, old.price_minor, old.category_id, old.created_at)
    IS NOT (new.name_key, new.size_key, new.price_minor, new.category_id, new.created_at)
BEGIN
    UPDATE shop_counters SET value = random() & 0x7fffffffffffffff WHERE name = 'list_order';
END;
