-- A number that names the order of the lists of users, as list_order does for those of products: with it readers remember what they
-- have found.
INSERT INTO shop_counters (name, value) VALUES ('user_order', 0);

CREATE TRIGGER users_come AFTER INSERT ON users BEGIN
    UPDATE shop_counters SET value = random() & 0x7fffffffffffffff WHERE name = 'user_order';
END;

CREATE TRIGGER users_go AFTER DELETE ON users BEGIN
    UPDATE shop_counters SET value = random() & 0x7fffffffffffffff WHERE name = 'user_order';
END;

CREATE TRIGGER users_move AFTER UPDATE OF name_key, surname_key, phone_number, is_admin, wiped_at ON users
WHEN (old.name_key, old.surname_key, old.phone_number, old.is_admin, old.wiped_at)
    IS NOT (new.name_key, new.surname_key, new.phone_number, new.is_admin, new.wiped_at)
BEGIN
    UPDATE shop_counters SET value = random() & 0x7fffffffffffffff WHERE name = 'user_order';
END;
