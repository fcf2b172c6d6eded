-- Carts: one a user.

CREATE TABLE carts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL CONSTRAINT carts_user_id_key UNIQUE
        CONSTRAINT carts_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- Moved up by every change of the content and never back: an order remembers from which version it was made.
    version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE cart_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cart_id INTEGER NOT NULL CONSTRAINT cart_items_cart_fkey REFERENCES carts (id) ON DELETE CASCADE,
    slipper_id INTEGER NOT NULL CONSTRAINT cart_items_slipper_fkey REFERENCES slippers (id) ON DELETE CASCADE,
    quantity INTEGER NOT NULL CONSTRAINT cart_items_quantity_check CHECK (quantity > 0),
    created_at INTEGER NOT NULL,
    -- Pairs of one product add up in one line. Its index also finds a cart's lines.
    CONSTRAINT cart_items_cart_slipper_key UNIQUE (cart_id, slipper_id)
) STRICT;

-- The carts that hold a product which is deleted.
CREATE INDEX cart_items_by_slipper ON cart_items (slipper_id);
