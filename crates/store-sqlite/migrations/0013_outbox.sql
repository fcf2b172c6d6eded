-- What happened and is told to others, and its deliveries.
-- Nobody read what was noted before this: to tell old news now would be wrong, so it goes.
DROP TABLE outbox;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CONSTRAINT outbox_kind_check CHECK (kind IN (
        'order.placed', 'order.cancelled', 'order.expired',
        'payment.paid', 'payment.failed', 'payment.refunded', 'payment.needs_review')),
    -- No foreign keys: what happened stays true when the order is deleted.
    order_id INTEGER NOT NULL,
    payment_id INTEGER,
    gateway TEXT,
    review TEXT,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- Whether it was given to its targets.
    is_spread INTEGER NOT NULL DEFAULT 0 CONSTRAINT outbox_is_spread_check CHECK (is_spread IN (0, 1))
) STRICT;

CREATE INDEX outbox_to_spread ON outbox (id) WHERE is_spread = 0;

CREATE TABLE outbox_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id INTEGER NOT NULL CONSTRAINT outbox_deliveries_event_fkey REFERENCES outbox (id),
    target TEXT NOT NULL,
    status TEXT NOT NULL CONSTRAINT outbox_deliveries_status_check CHECK (status IN ('waiting', 'delivered', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Null = it has ended.
    next_at INTEGER,
    give_up_at INTEGER NOT NULL,
    error TEXT,
    ended_at INTEGER
) STRICT;

CREATE UNIQUE INDEX outbox_deliveries_event_key ON outbox_deliveries (event_id, target);
-- What is due to a target, the most overdue first.
CREATE INDEX outbox_deliveries_due ON outbox_deliveries (target, next_at, id) WHERE next_at IS NOT NULL;
-- Whose time is over.
CREATE INDEX outbox_deliveries_by_end ON outbox_deliveries (give_up_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_deliveries_dead ON outbox_deliveries (id) WHERE status = 'dead';
-- What is forgotten next.
CREATE INDEX outbox_deliveries_ended ON outbox_deliveries (status, ended_at, id) WHERE ended_at IS NOT NULL;
