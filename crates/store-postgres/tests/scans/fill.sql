-- A shop of some size; times are seconds from 1 on, in microseconds.
INSERT INTO categories (name, is_active, slipper_count, created_at, updated_at)
VALUES ('Домашние', TRUE, 16000, 1, 1), ('Сабо', TRUE, 3900, 1, 1), ('Редкие', TRUE, 100, 1, 1);
INSERT INTO slippers (name, name_key, size, size_key, price_minor, quantity, image, category_id, created_at, updated_at)
SELECT word || ' ' || n, lower(word) || ' ' || n, size, size, 1000 + n * 7919 % 90000, 1000, '/p/' || n || '.jpg',
       CASE WHEN n <= 16000 THEN 1 WHEN n <= 19900 THEN 2 ELSE 3 END, n * 1000000, n * 1000000
FROM (
    SELECT n, (36 + n % 13)::text AS size,
           CASE WHEN n % 1000 = 0 THEN 'Жемчуг' WHEN n % 3 = 0 THEN 'Тапки' ELSE 'Comfort' END AS word
    FROM generate_series(1::bigint, 20000) AS n
) AS new;
INSERT INTO slipper_grams (gram, slipper_id)
SELECT DISTINCT substr(key, place, length), id
FROM slippers, unnest(ARRAY[name_key, size_key]) AS key, generate_series(1, 2) AS length,
     generate_series(1, length(key) - length + 1) AS place;
UPDATE shop_counters SET value = 20000 WHERE name = 'slippers';
INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at)
SELECT id, image, TRUE, 0, 1 FROM slippers;
INSERT INTO stock_movements (slipper_id, delta, quantity_after, reason, user_id, created_at)
SELECT n, 1, 1, 'counted', 1, 1 FROM generate_series(1::bigint, 5000) AS n;

INSERT INTO users (name, name_key, surname, surname_key, phone_number, password_hash, is_admin, order_count, created_at, updated_at)
SELECT 'User' || n, 'user' || n, 'Surname' || n % 100, 'surname' || n % 100, '+99890' || lpad(n::text, 7, '0'), 'hash', n <= 3, 4, n, n
FROM generate_series(1::bigint, 5000) AS n;
INSERT INTO user_grams (gram, user_id)
SELECT DISTINCT substr(key, place, length), id
FROM users, unnest(ARRAY[name_key, surname_key, phone_number]) AS key, generate_series(1, 2) AS length,
     generate_series(1, length(key) - length + 1) AS place;
UPDATE shop_counters SET value = CASE name WHEN 'users' THEN 5000 ELSE 3 END WHERE name <> 'slippers';
INSERT INTO sessions (id, user_id, created_at)
SELECT decode(lpad(to_hex(id), 32, '0'), 'hex'), id, 1 FROM users;
INSERT INTO refresh_tokens (hash, session_id, expires_at)
SELECT decode(lpad(to_hex(id), 64, '0'), 'hex'), decode(lpad(to_hex(id), 32, '0'), 'hex'), id * 1000000 FROM users;
INSERT INTO password_resets (user_id, password_hash, code_hash, tries_left, codes_sent, created_at, expires_at, for_admins)
SELECT id, 'hash', CASE WHEN id % 50 = 0 THEN NULL ELSE decode(lpad(to_hex(id), 64, '0'), 'hex') END, 5, 1, 1, id * 1000000, id % 50 = 0
FROM users WHERE id > 2000;

INSERT INTO carts (user_id, version, created_at, updated_at) SELECT id, 1, 1, 1 FROM users;
INSERT INTO cart_items (cart_id, slipper_id, quantity, created_at)
SELECT c.id, c.id * 4 - n, 1, 1 FROM carts c, generate_series(0, 1) AS n;
INSERT INTO orders (user_id, status, total_minor, payment_outcome, created_at, updated_at)
SELECT 1 + n % 5000, CASE WHEN n % 100 = 0 THEN 'PENDING' WHEN n % 2 = 0 THEN 'PAID' ELSE 'CANCELLED' END, 100,
       CASE WHEN n % 100 <> 0 AND n % 2 = 0 THEN 'PAID' END, n * 1000000, 1
FROM generate_series(1::bigint, 20000) AS n;
UPDATE order_counters SET orders = 1250, outcome_orders = 612;
UPDATE users SET outcome_order_count = 2;
INSERT INTO order_items (order_id, slipper_id, quantity, unit_price_minor, total_minor, name, size, image)
SELECT o.id, 1 + (o.id * 7 + n) % 20000, 1, 50, 50, 'Тапки', '42', '/p/' || 1 + (o.id * 7 + n) % 20000 || '.jpg'
FROM orders o, generate_series(1, 2) AS n;
INSERT INTO payments (order_id, gateway, reference, amount_minor, currency, status, received_minor, settles, created_at, recorded_by, compare_at)
SELECT id, 'manual', 'manual-' || id, 100, 'UZS', 'PAID', 100, TRUE, 1, 1 + id % 3, id FROM orders WHERE payment_outcome IS NOT NULL;
INSERT INTO payments (order_id, gateway, reference, their_id, amount_minor, currency, status, received_minor, settles, their_time, created_at, next_check_at)
SELECT id, 'octo', 'octo-' || id, 'theirs-' || id, 100, 'UZS', 'PENDING', 0, FALSE, id, 1, id FROM orders WHERE status = 'PENDING' AND id >= 15000;
INSERT INTO refunds (payment_id, reference, amount_minor, status, restock, begun_by, created_at, ended_at)
SELECT id, reference || '-r1', 1, 'SUCCEEDED', FALSE, 1 + id % 3, 1, 1 FROM payments WHERE settles;
INSERT INTO payment_events (payment_id, gateway, event_key, report, evidence, answer, note, at)
SELECT id, gateway, 'key-' || id, 'succeeded', 'proof', 'done', '', 1 FROM payments;
INSERT INTO payment_events (gateway, event_key, report, evidence, answer, note, at)
SELECT 'octo', 'nobody-' || n, 'succeeded', 'proof', 'unknown_payment', '', 1 FROM generate_series(1, 100) AS n;
INSERT INTO ledger_postings (payment_id, debit, credit, amount_minor, at)
SELECT id, 'manual', 'sales', 100, 1 FROM payments WHERE settles;
INSERT INTO idempotency_keys (user_id, key, request, order_id, created_at)
SELECT user_id, 'key-' || id, 'from-cart', id, id * 1000000 FROM orders WHERE id <= 5000;
INSERT INTO audit_records (at, action, subject, change)
SELECT n, 'created', 'slipper', '{}' FROM generate_series(1::bigint, 5000) AS n;
INSERT INTO gone_pictures (path, files, is_due)
SELECT '/gone/' || n || '.jpg', json_build_array('/gone/' || n || '.jpg')::text, n <= 100 FROM generate_series(1::bigint, 5000) AS n;
INSERT INTO outbox (kind, order_id, amount_minor, currency, at, is_spread)
SELECT 'order.placed', n, 100, 'UZS', n, n <= 20000 FROM generate_series(1::bigint, 20200) AS n;
INSERT INTO outbox_deliveries (event_id, target, status, attempts, next_at, give_up_at, error, ended_at)
SELECT n, CASE WHEN n % 4 = 0 THEN 'staff' ELSE 'shop' END,
       CASE WHEN n <= 10000 THEN 'delivered' WHEN n <= 15000 THEN 'dead' ELSE 'waiting' END, 1,
       CASE WHEN n > 15000 THEN n END, n, 'no', CASE WHEN n <= 15000 THEN n END
FROM generate_series(1::bigint, 20000) AS n;

VACUUM ANALYZE;
