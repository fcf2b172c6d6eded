-- The catalogue. Times are microseconds since 1970 UTC, money is in minor units (1/100 soum), switches are 0 or 1.
-- Ids are AUTOINCREMENT everywhere: a number is never given twice.

-- Counts that pages need: count(*) grows with the table (on PostgreSQL 21 ms at 100,000 products, a
-- row here 0.01 ms).
CREATE TABLE shop_counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL CONSTRAINT shop_counters_value_check CHECK (value >= 0)
) STRICT;

INSERT INTO shop_counters (name, value) VALUES ('slippers', 0);

CREATE TABLE categories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CONSTRAINT categories_name_key UNIQUE,
    description TEXT,
    is_active INTEGER NOT NULL CONSTRAINT categories_is_active_check CHECK (is_active IN (0, 1)),
    -- Maintained with every product that comes, goes or moves.
    slipper_count INTEGER NOT NULL DEFAULT 0 CONSTRAINT categories_slipper_count_check CHECK (slipper_count >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE slippers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    -- The folded name and size: what is searched, and the order of "by name".
    name_key TEXT NOT NULL,
    size TEXT NOT NULL,
    size_key TEXT NOT NULL,
    price_minor INTEGER NOT NULL CONSTRAINT slippers_price_check CHECK (price_minor > 0),
    -- The second belt against overselling; the first is the rule that plans an order.
    quantity INTEGER NOT NULL CONSTRAINT slippers_quantity_check CHECK (quantity BETWEEN 0 AND 2147483647),
    is_paused INTEGER NOT NULL DEFAULT 0 CONSTRAINT slippers_is_paused_check CHECK (is_paused IN (0, 1)),
    image TEXT NOT NULL DEFAULT '',
    category_id INTEGER CONSTRAINT slippers_category_fkey REFERENCES categories (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- One index for every order of the lists, without and with a category; each ends with the id, so that it also holds the
-- order of ties, and covers the inner query of a page (it reads ids only, never the rows that are skipped).
-- The one on id alone spares deep pages the wide rows: a page of the file holds some 500 ids, or some 25 rows.
CREATE INDEX slippers_by_id ON slippers (id);
CREATE INDEX slippers_by_name ON slippers (name_key, id);
CREATE INDEX slippers_by_price ON slippers (price_minor, id);
CREATE INDEX slippers_by_created ON slippers (created_at, id);
CREATE INDEX slippers_by_category_id ON slippers (category_id, id);
CREATE INDEX slippers_by_category_name ON slippers (category_id, name_key, id);
CREATE INDEX slippers_by_category_price ON slippers (category_id, price_minor, id);
CREATE INDEX slippers_by_category_created ON slippers (category_id, created_at, id);

CREATE TABLE slipper_images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slipper_id INTEGER NOT NULL CONSTRAINT slipper_images_slipper_fkey REFERENCES slippers (id) ON DELETE CASCADE,
    image_path TEXT NOT NULL,
    is_primary INTEGER NOT NULL CONSTRAINT slipper_images_is_primary_check CHECK (is_primary IN (0, 1)),
    alt_text TEXT,
    order_index INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- A product's pictures; also serves the cascade.
CREATE INDEX slipper_images_by_slipper ON slipper_images (slipper_id, id);
-- At most one picture stands for a product.
CREATE UNIQUE INDEX slipper_images_primary_key ON slipper_images (slipper_id) WHERE is_primary = 1;

-- Stock that an admin counted. No foreign keys: the record outlives the product and the person.
CREATE TABLE stock_movements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slipper_id INTEGER NOT NULL,
    delta INTEGER NOT NULL,
    quantity_after INTEGER NOT NULL,
    reason TEXT NOT NULL CONSTRAINT stock_movements_reason_check CHECK (reason IN ('counted')),
    user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- The history of one product, in order.
CREATE INDEX stock_movements_by_slipper ON stock_movements (slipper_id, id);

-- Every part of one and two characters of both keys: a term that short has no trigram, and "42" is the commonest search.
CREATE TABLE slipper_grams (
    gram TEXT NOT NULL,
    slipper_id INTEGER NOT NULL,
    CONSTRAINT slipper_grams_pkey PRIMARY KEY (gram, slipper_id)
) STRICT, WITHOUT ROWID;

-- Terms of three characters and more, matched to the letter (the keys are folded already). The texts stay in slippers
-- alone (external content) and no lengths are kept (columnsize=0): nothing is ranked.
CREATE VIRTUAL TABLE slipper_search USING fts5(
    name_key,
    size_key,
    content='slippers',
    content_rowid='id',
    columnsize=0,
    tokenize='trigram case_sensitive 1'
);
