//! The statements of a batch, with the types of their values.

use std::sync::LazyLock;

use tokio_postgres::types::Type;

use crate::db::Typed;
use crate::feed::RECORD;
use crate::orders::rows::FIND_ALL;
use crate::outbox::TELL;

const NUMBER: Type = Type::INT8;
const NUMBERS: Type = Type::INT8_ARRAY;
const TEXTS: Type = Type::TEXT_ARRAY;

pub(super) const LOCK_CARTS: Typed =
    ("SELECT id FROM carts WHERE user_id = ANY($1) ORDER BY id FOR NO KEY UPDATE", &[NUMBERS]);

// Of users of whom none is named twice. First who they are, with what is in their carts and a number for each line of an order; then
// their pending orders. Those are read buyer by buyer, each in the order of the index by user: for all at once PostgreSQL takes the
// index by age as well, which is as cheap when few are pending, and keeps to that plan while they become many (11 ms an order at
// 86,000).
pub(super) const READ_BUYERS: Typed = (
    "(SELECT u.id, u.name, u.surname, c.id, c.version, i.slipper_id, i.quantity,
          CASE WHEN i.id IS NOT NULL THEN nextval('order_items_id_seq') END,
          NULL::BIGINT, NULL::BIGINT, NULL::BIGINT
      FROM users u
      LEFT JOIN carts c ON c.user_id = u.id
      LEFT JOIN cart_items i ON i.cart_id = c.id
      WHERE u.id = ANY($1)
      ORDER BY u.id, i.id)
     UNION ALL
     (SELECT buyer.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, o.id, o.cart_version, o.cleared_version
      FROM unnest($1) AS buyer (id)
      CROSS JOIN LATERAL (
          SELECT id, cart_version, cleared_version FROM orders
          WHERE user_id = buyer.id AND status = 'PENDING' ORDER BY id DESC) o)",
    &[NUMBERS],
);

pub(super) const FIND_KEYS: Typed = (
    "SELECT k.user_id, k.key, k.request, k.order_id, k.created_at
     FROM unnest($1, $2) AS named (user_id, key)
     JOIN idempotency_keys k ON k.user_id = named.user_id AND k.key = named.key",
    &[NUMBERS, TEXTS],
);

// What is in the carts, in the order of its numbers, so that nobody waits for one who waits for them. Then numbers for orders: who had
// them before the locks would commit theirs long after later ones.
pub(super) const LOCK_GOODS: Typed = (
    "SELECT * FROM (
         SELECT s.id, s.name, s.size, s.image, s.price_minor, s.quantity, s.is_paused
         FROM slippers s
         WHERE s.id = ANY(ARRAY(
             SELECT i.slipper_id FROM carts c JOIN cart_items i ON i.cart_id = c.id WHERE c.user_id = ANY($1)))
         ORDER BY s.id FOR NO KEY UPDATE) goods
     UNION ALL
     SELECT nextval('orders_id_seq'), NULL, NULL, NULL, NULL, NULL, NULL FROM generate_series(1, $2)",
    &[NUMBERS, NUMBER],
);

pub(super) const INSERT_ORDERS: Typed = (
    "INSERT INTO orders
         (id, user_id, status, total_minor, cart_version, cleared_version, items_key, created_at, updated_at)
     SELECT id, user_id, 'PENDING', total_minor, cart_version, cleared_version, items_key, created_at, created_at
     FROM unnest($1, $2, $3, $4, $5, $6, $7)
         AS new (id, user_id, total_minor, cart_version, cleared_version, items_key, created_at)",
    &[NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, TEXTS, NUMBERS],
);

pub(super) const INSERT_LINES: Typed = (
    "INSERT INTO order_items
         (id, order_id, slipper_id, quantity, unit_price_minor, total_minor, notes, name, size, image)
     SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    &[NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, TEXTS, TEXTS, TEXTS, TEXTS],
);

pub(super) const TAKE_STOCK: Typed = (
    "UPDATE slippers SET quantity = slippers.quantity - taken.quantity
     FROM unnest($1, $2) AS taken (id, quantity) WHERE slippers.id = taken.id",
    &[NUMBERS, NUMBERS],
);

pub(super) const COUNT_OF_USERS: Typed =
    ("UPDATE users SET order_count = order_count + 1 WHERE id = ANY($1)", &[NUMBERS]);

// The shard is ours alone: no other batch waits for this row until our commit is on the disk.
pub(super) const COUNT_OF_SHOP: Typed =
    ("UPDATE order_counters SET orders = orders + $2 WHERE shard = $1", &[NUMBER, NUMBER]);

pub(super) const CLEAR_CARTS: Typed = ("DELETE FROM cart_items WHERE cart_id = ANY($1)", &[NUMBERS]);

pub(super) const MOVE_VERSIONS: Typed = (
    "UPDATE carts SET version = version + 1, updated_at = moved.at
     FROM unnest($1, $2) AS moved (id, at) WHERE carts.id = moved.id",
    &[NUMBERS, NUMBERS],
);

pub(super) const REMEMBER_CLEARING: Typed = (
    "UPDATE orders SET cleared_version = cleared.version
     FROM unnest($1, $2) AS cleared (id, version) WHERE orders.id = cleared.id",
    &[NUMBERS, NUMBERS],
);

pub(super) const KEEP_KEYS: Typed = (
    "INSERT INTO idempotency_keys (user_id, key, request, order_id, created_at)
     SELECT * FROM unnest($1, $2, $3, $4, $5)
     ON CONFLICT (user_id, key) DO UPDATE
     SET request = excluded.request, order_id = excluded.order_id, created_at = excluded.created_at",
    &[NUMBERS, TEXTS, TEXTS, NUMBERS, NUMBERS],
);

/// What new orders are, with what they are to products and to those who are told.
pub(super) static PLACE: LazyLock<Together> =
    LazyLock::new(|| Together::of(&[INSERT_ORDERS, INSERT_LINES, TAKE_STOCK, TELL]));

/// The same, with what else follows: the server answers, and wakes us, once and not nine times.
pub(super) static PLACE_AND_CLEAR: LazyLock<Together> = LazyLock::new(|| {
    Together::of(&[
        INSERT_ORDERS,
        INSERT_LINES,
        TAKE_STOCK,
        TELL,
        COUNT_OF_USERS,
        COUNT_OF_SHOP,
        CLEAR_CARTS,
        MOVE_VERSIONS,
        RECORD,
    ])
});

/// Statements that write, each something else, as one; its values are theirs, one behind the other.
pub(super) struct Together {
    pub(super) sql: String,
    kinds: Vec<Type>,
}

impl Together {
    fn of(parts: &[Typed]) -> Self {
        let mut together = Self { sql: String::new(), kinds: Vec::new() };
        for (place, (sql, kinds)) in parts.iter().enumerate() {
            together.sql.push_str(if place == 0 { "WITH " } else { ", " });
            together.sql.push_str(&format!("part_{place} AS ({})", renumbered(sql, together.kinds.len())));
            together.kinds.extend_from_slice(kinds);
        }
        together.sql.push_str(" SELECT");
        together
    }
}

/// A statement whose `$1` is another's `$1` and so many more.
fn renumbered(sql: &str, more: usize) -> String {
    let mut pieces = sql.split('$');
    let mut renumbered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|next: char| !next.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(digits);
        let number = number.parse().unwrap_or(0) + more;
        renumbered.push_str(&format!("${number}{rest}"));
    }
    renumbered
}

/// All that are sent. One that is missing here would be prepared where it is sent, and so come behind the COMMIT.
pub(in crate::orders) static ALL: LazyLock<Vec<Typed>> = LazyLock::new(|| {
    vec![
        LOCK_CARTS,
        READ_BUYERS,
        FIND_KEYS,
        LOCK_GOODS,
        (&PLACE.sql, &PLACE.kinds),
        (&PLACE_AND_CLEAR.sql, &PLACE_AND_CLEAR.kinds),
        CLEAR_CARTS,
        MOVE_VERSIONS,
        REMEMBER_CLEARING,
        KEEP_KEYS,
        (FIND_ALL, &[NUMBERS]),
    ]
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_are_put_together_keep_their_values_apart() {
        let parts: [Typed; 2] = [
            ("UPDATE a SET b = $2 WHERE c = $1", &[NUMBER, TEXTS]),
            ("DELETE FROM d WHERE e = $1", &[NUMBERS]),
        ];
        let together = Together::of(&parts);
        let sql = "WITH part_0 AS (UPDATE a SET b = $2 WHERE c = $1), part_1 AS (DELETE FROM d WHERE e = $3) SELECT";
        assert_eq!((together.sql.as_str(), &together.kinds[..]), (sql, &[NUMBER, TEXTS, NUMBERS][..]));
        assert_eq!(renumbered("$1, $12", 9), "$10, $21");
    }
}
