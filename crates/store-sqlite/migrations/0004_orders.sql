-- Orders, what was recorded of their payment, and the keys by which clients name them.

CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- No cascade: an order is never lost with a person.
    user_id INTEGER NOT NULL CONSTRAINT orders_user_fkey REFERENCES users (id),
    status TEXT NOT NULL
        CONSTRAINT orders_status_check CHECK (status IN ('PENDING', 'PAID', 'REFUNDED', 'CANCELLED')),
    total_minor INTEGER NOT NULL CONSTRAINT orders_total_check CHECK (total_minor >= 0),
    notes TEXT,
    -- What the latest payment came to; null while there was none.
    payment_outcome TEXT
        CONSTRAINT orders_payment_outcome_check CHECK (payment_outcome IN ('PAID', 'REFUNDED')),
    -- The cart's version that the order was made from, and the one that its own clearing of the cart left.
    cart_version INTEGER,
    cleared_version INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- A user's orders, newest first (everybody's are listed by the primary key).
CREATE INDEX orders_by_user ON orders (user_id, id);
-- The same two lists of those that were paid or refunded.
CREATE INDEX orders_with_outcome ON orders (id) WHERE payment_outcome IS NOT NULL;
CREATE INDEX orders_with_outcome_by_user ON orders (user_id, id) WHERE payment_outcome IS NOT NULL;
-- A user's pending orders: is this call a repeat, and are there too many.
CREATE INDEX orders_pending_by_user ON orders (user_id, id) WHERE status = 'PENDING';
-- Pending orders by age: which have expired.
CREATE INDEX orders_pending_by_age ON orders (created_at, id) WHERE status = 'PENDING';

CREATE TABLE order_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id INTEGER NOT NULL CONSTRAINT order_items_order_fkey REFERENCES orders (id) ON DELETE CASCADE,
    -- No foreign key: a line is a copy that outlives its product.
    slipper_id INTEGER NOT NULL,
    quantity INTEGER NOT NULL CONSTRAINT order_items_quantity_check CHECK (quantity > 0),
    unit_price_minor INTEGER NOT NULL,
    total_minor INTEGER NOT NULL,
    notes TEXT,
    name TEXT NOT NULL,
    size TEXT NOT NULL,
    image TEXT NOT NULL
) STRICT;

-- An order's lines by id; also serves the cascade.
CREATE INDEX order_items_by_order ON order_items (order_id, id);

CREATE TABLE payments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- No cascade: money that was recorded is never lost with an order.
    order_id INTEGER NOT NULL CONSTRAINT payments_order_fkey REFERENCES orders (id),
    method TEXT NOT NULL CONSTRAINT payments_method_check CHECK (method IN ('manual')),
    status TEXT NOT NULL CONSTRAINT payments_status_check CHECK (status IN ('PAID', 'REFUNDED')),
    amount_minor INTEGER NOT NULL,
    recorded_by INTEGER NOT NULL CONSTRAINT payments_recorded_by_fkey REFERENCES users (id),
    created_at INTEGER NOT NULL
) STRICT;

-- The payments of an order, in order; also serves the foreign key when an order is deleted.
CREATE INDEX payments_by_order ON payments (order_id, id);

CREATE TABLE idempotency_keys (
    user_id INTEGER NOT NULL CONSTRAINT idempotency_keys_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    order_id INTEGER NOT NULL CONSTRAINT idempotency_keys_order_fkey REFERENCES orders (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

-- The sweep takes the oldest first.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
-- Serves the cascade.
CREATE INDEX idempotency_keys_by_order ON idempotency_keys (order_id);

-- The shop's order counts in sixteen shards, so that on a database with many writers none is a hot row.
CREATE TABLE order_counters (
    shard INTEGER NOT NULL PRIMARY KEY CONSTRAINT order_counters_shard_check CHECK (shard BETWEEN 0 AND 15),
    orders INTEGER NOT NULL CONSTRAINT order_counters_orders_check CHECK (orders >= 0),
    outcome_orders INTEGER NOT NULL CONSTRAINT order_counters_outcome_orders_check CHECK (outcome_orders >= 0)
) STRICT;

INSERT INTO order_counters (shard, orders, outcome_orders)
VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0), (5, 0, 0), (6, 0, 0), (7, 0, 0),
       (8, 0, 0), (9, 0, 0), (10, 0, 0), (11, 0, 0), (12, 0, 0), (13, 0, 0), (14, 0, 0), (15, 0, 0);
