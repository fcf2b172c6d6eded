-- Payments: attempts, refunds, what gateways said, the ledger, and what is to be told to others.
-- The rows of the old table were recorded by hand: each payment becomes an attempt that settles its order, each refund a
-- refund of it, both with their postings.

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- No cascade: money that was recorded is never lost with an order.
    order_id INTEGER NOT NULL CONSTRAINT payments_order_fkey REFERENCES orders (id),
    gateway TEXT NOT NULL CONSTRAINT payments_gateway_check CHECK (gateway IN ('octo', 'payme', 'click', 'manual')),
    reference TEXT NOT NULL CONSTRAINT payments_reference_key UNIQUE,
    their_id TEXT,
    their_number TEXT,
    link TEXT,
    amount_minor INTEGER NOT NULL CONSTRAINT payments_amount_check CHECK (amount_minor >= 0),
    currency TEXT NOT NULL CONSTRAINT payments_currency_check CHECK (currency IN ('UZS', 'USD', 'RUB')),
    status TEXT NOT NULL CONSTRAINT payments_status_check CHECK (status IN
        ('CREATED', 'PENDING', 'PAID', 'FAILED', 'CANCELLED', 'EXPIRED', 'REFUNDED')),
    received_minor INTEGER NOT NULL CONSTRAINT payments_received_check CHECK (received_minor >= 0),
    settles INTEGER NOT NULL CONSTRAINT payments_settles_check CHECK (settles IN (0, 1)),
    review TEXT,
    cancel_code INTEGER,
    expires_at INTEGER,
    their_time INTEGER,
    created_at INTEGER NOT NULL,
    reserved_at INTEGER,
    paid_at INTEGER,
    ended_at INTEGER,
    recorded_by INTEGER CONSTRAINT payments_recorded_by_fkey REFERENCES users (id),
    -- How often its gateway was asked, and when it is asked next; null = it is decided, or a person's.
    checks INTEGER NOT NULL DEFAULT 0,
    next_check_at INTEGER
) STRICT;

INSERT INTO attempts (id, order_id, gateway, reference, amount_minor, currency, status, received_minor, settles,
    created_at, reserved_at, paid_at, ended_at, recorded_by)
SELECT p.id, p.order_id, 'manual', 'manual-' || p.id, p.amount_minor, 'UZS', iif(r.id IS NULL, 'PAID', 'REFUNDED'),
    p.amount_minor, 1, p.created_at, p.created_at, p.created_at, r.created_at, p.recorded_by
FROM payments p LEFT JOIN payments r ON r.order_id = p.order_id AND r.status = 'REFUNDED'
WHERE p.status = 'PAID';

CREATE TABLE refunds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id INTEGER NOT NULL CONSTRAINT refunds_payment_fkey REFERENCES attempts (id),
    reference TEXT NOT NULL CONSTRAINT refunds_reference_key UNIQUE,
    their_id TEXT,
    amount_minor INTEGER NOT NULL CONSTRAINT refunds_amount_check CHECK (amount_minor >= 0),
    status TEXT NOT NULL CONSTRAINT refunds_status_check CHECK (status IN ('PENDING', 'SUCCEEDED', 'FAILED')),
    restock INTEGER NOT NULL CONSTRAINT refunds_restock_check CHECK (restock IN (0, 1)),
    begun_by INTEGER CONSTRAINT refunds_begun_by_fkey REFERENCES users (id),
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

INSERT INTO refunds (payment_id, reference, amount_minor, status, restock, begun_by, created_at, ended_at)
SELECT a.id, a.reference || '-r1', r.amount_minor, 'SUCCEEDED', 1, r.recorded_by, r.created_at, r.created_at
FROM payments r JOIN attempts a ON a.order_id = r.order_id
WHERE r.status = 'REFUNDED';

DROP TABLE payments;
-- The refunds' foreign key follows the name.
ALTER TABLE attempts RENAME TO payments;

-- The attempts of an order; also serves the foreign key when an order is deleted.
CREATE INDEX payments_by_order ON payments (order_id, id);
-- An order is paid once: the second belt, the first is the rule.
CREATE UNIQUE INDEX payments_settling_key ON payments (order_id) WHERE settles = 1;
CREATE UNIQUE INDEX payments_their_key ON payments (gateway, their_id) WHERE their_id IS NOT NULL;
-- Statements by the gateway's own time.
CREATE INDEX payments_by_their_time ON payments (gateway, their_time, id) WHERE their_time IS NOT NULL;
-- What a person has to look at, newest first.
CREATE INDEX payments_in_review ON payments (id) WHERE review IS NOT NULL;
-- What is to be asked about, the most overdue first.
CREATE INDEX payments_due ON payments (next_check_at, id) WHERE next_check_at IS NOT NULL;
-- Has this person recorded payments; also serves the foreign key when a user is deleted.
CREATE INDEX payments_by_recorder ON payments (recorded_by);

CREATE INDEX refunds_by_payment ON refunds (payment_id, id);
CREATE INDEX refunds_by_beginner ON refunds (begun_by);

-- What gateways said. Only ever added to.
CREATE TABLE payment_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id INTEGER CONSTRAINT payment_events_payment_fkey REFERENCES payments (id) ON DELETE CASCADE,
    gateway TEXT NOT NULL,
    event_key TEXT NOT NULL,
    report TEXT NOT NULL,
    evidence TEXT NOT NULL,
    amount_minor INTEGER,
    answer TEXT NOT NULL,
    note TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX payment_events_by_payment ON payment_events (payment_id, id);
CREATE INDEX payment_events_by_key ON payment_events (gateway, event_key);

-- Every movement of money, twice: debit counts up, credit counts down. Only ever added to.
CREATE TABLE ledger_postings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id INTEGER NOT NULL CONSTRAINT ledger_postings_payment_fkey REFERENCES payments (id),
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CONSTRAINT ledger_postings_amount_check CHECK (amount_minor >= 0),
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_postings_by_payment ON ledger_postings (payment_id, id);

INSERT INTO ledger_postings (payment_id, debit, credit, amount_minor, at)
SELECT id, 'manual', 'sales', received_minor, paid_at FROM payments;
INSERT INTO ledger_postings (payment_id, debit, credit, amount_minor, at)
SELECT payment_id, 'sales', 'returning', amount_minor, created_at FROM refunds
UNION ALL
SELECT payment_id, 'returning', 'manual', amount_minor, created_at FROM refunds;

-- What happened and is to be told: deliveries read it, in order.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CONSTRAINT outbox_kind_check CHECK (kind IN ('order_paid', 'order_refunded', 'payment_review')),
    order_id INTEGER NOT NULL,
    payment_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- By which a buyer's order of the same items is found again.
ALTER TABLE orders ADD COLUMN items_key TEXT;
