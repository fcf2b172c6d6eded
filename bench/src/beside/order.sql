WITH held AS MATERIALIZED (
    SELECT id, name, size, image, price_minor FROM slippers
    WHERE id IN (:one, :two, :three) AND quantity >= 1 AND NOT is_paused ORDER BY id FOR UPDATE
), placed AS (
    INSERT INTO orders (user_id, status, total_minor, created_at, updated_at)
    SELECT 1, 'PENDING', sum(price_minor), 1, 1 FROM held HAVING count(*) = 3
    RETURNING id
), taken AS (
    UPDATE slippers SET quantity = quantity - 1 FROM held WHERE slippers.id = held.id AND EXISTS (SELECT 1 FROM placed)
)
INSERT INTO order_items (order_id, slipper_id, quantity, unit_price_minor, total_minor, name, size, image)
SELECT placed.id, held.id, 1, held.price_minor, held.price_minor, held.name, held.size, held.image FROM placed, held;
