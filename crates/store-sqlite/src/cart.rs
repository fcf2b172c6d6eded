//! Carts.

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::cart::rules::{MAX_LINES, add_quantity};
use slippers_core::cart::{Cart, CartError, CartLine, CartStore, CartTotals};
use slippers_core::types::{CartId, CartLineId, SlipperId, Timestamp, UserId};

use crate::db::{Cells, Db};
use crate::store::SqliteStore;

#[async_trait]
impl CartStore for SqliteStore {
    async fn open_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
        // A cart that is there costs one read; it is made once.
        if let Some(cart) = self.readers.read(|db| read_cart(db, user))? {
            return Ok(cart);
        }
        self.writer.run(move |db| make_cart(db, user, now)).await
    }

    async fn cart_totals(&self, user: UserId) -> Result<CartTotals, StoreError> {
        let cart = self.readers.read(|db| read_cart(db, user))?;
        Ok(cart.map_or_else(CartTotals::default, |cart| cart.totals()))
    }

    async fn add_to_cart(
        &self,
        user: UserId,
        slipper: SlipperId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError> {
        self.writer.run(move |db| add(db, user, slipper, quantity, now)).await
    }

    async fn set_line_quantity(
        &self,
        user: UserId,
        line: CartLineId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError> {
        self.writer.run(move |db| set_quantity(db, user, line, quantity, now)).await
    }

    async fn remove_line(&self, user: UserId, line: CartLineId, now: Timestamp) -> Result<Cart, CartError> {
        self.writer.run(move |db| set_quantity(db, user, line, 0, now)).await
    }

    async fn clear_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
        // An empty cart costs one read: front-ends clear theirs hundreds of times in a row.
        match self.readers.read(|db| read_cart(db, user))? {
            Some(cart) if cart.lines.is_empty() => Ok(cart),
            _ => self.writer.run(move |db| clear(db, user, now)).await,
        }
    }
}

const READ: &str = "
    SELECT c.id, c.version, i.id, i.slipper_id, i.quantity, s.name, s.price_minor
    FROM carts c
    LEFT JOIN cart_items i ON i.cart_id = c.id
    LEFT JOIN slippers s ON s.id = i.slipper_id
    WHERE c.user_id = ?1
    ORDER BY i.id";

fn read_cart(db: &Db<'_>, user: UserId) -> Result<Option<Cart>, StoreError> {
    let rows = db.all(READ, [user.get()], |row| Ok((row.int(0)?, row.int(1)?, read_line(row)?)))?;
    let Some((id, version, _)) = rows.first() else { return Ok(None) };
    let (id, version) = (CartId::new(*id), *version);
    Ok(Some(Cart { id, version, lines: rows.into_iter().filter_map(|(_, _, line)| line).collect() }))
}

/// An empty cart is one row without a line.
fn read_line(row: &Cells<'_>) -> Result<Option<CartLine>, StoreError> {
    let Some(id) = row.get::<Option<i64>>(2)? else { return Ok(None) };
    Ok(Some(CartLine {
        id: CartLineId::new(id),
        slipper: SlipperId::new(row.int(3)?),
        quantity: row.int(4)?,
        name: row.text(5)?,
        price: row.money(6)?,
    }))
}

/// The cart after a change.
fn changed_cart(db: &Db<'_>, user: UserId) -> Result<Cart, StoreError> {
    read_cart(db, user)?.ok_or_else(|| StoreError::Corrupt("a cart is gone while it is changed".to_owned()))
}

const MAKE: &str = "
    INSERT INTO carts (user_id, version, created_at, updated_at) VALUES (?1, 0, ?2, ?2)
    ON CONFLICT (user_id) DO NOTHING";

fn make_cart(db: &Db<'_>, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
    db.run(MAKE, (user.get(), now.micros()))?;
    changed_cart(db, user)
}

// Makes the cart or moves its version, before it is known whether the change is allowed: a refusal undoes it.
const TOUCH: &str = "
    INSERT INTO carts (user_id, version, created_at, updated_at) VALUES (?1, 1, ?2, ?2)
    ON CONFLICT (user_id) DO UPDATE SET version = version + 1, updated_at = excluded.updated_at
    RETURNING id";
const ADD: &str = "
    INSERT INTO cart_items (cart_id, slipper_id, quantity, created_at)
    SELECT ?1, id, ?3, ?4 FROM slippers WHERE id = ?2
    ON CONFLICT (cart_id, slipper_id) DO UPDATE SET quantity = quantity + excluded.quantity
    RETURNING quantity";

fn add(
    db: &Db<'_>,
    user: UserId,
    slipper: SlipperId,
    quantity: i64,
    now: Timestamp,
) -> Result<Cart, CartError> {
    let cart = db.one(TOUCH, (user.get(), now.micros()), |row| row.int(0))?;
    let sum = db
        .first(ADD, (cart, slipper.get(), quantity, now.micros()), |row| row.int(0))?
        .ok_or(CartError::SlipperNotFound)?;
    if add_quantity(sum - quantity, quantity).is_none() {
        return Err(CartError::LineFull);
    }
    let cart = changed_cart(db, user)?;
    let lines = i64::try_from(cart.lines.len()).unwrap_or(i64::MAX);
    if lines > MAX_LINES { Err(CartError::CartFull) } else { Ok(cart) }
}

const FIND_LINE: &str = "
    SELECT i.quantity FROM cart_items i JOIN carts c ON c.id = i.cart_id
    WHERE i.id = ?1 AND c.user_id = ?2";
const SET_LINE: &str = "UPDATE cart_items SET quantity = ?2 WHERE id = ?1";
const REMOVE_LINE: &str = "DELETE FROM cart_items WHERE id = ?1";

fn set_quantity(
    db: &Db<'_>,
    user: UserId,
    line: CartLineId,
    quantity: i64,
    now: Timestamp,
) -> Result<Cart, CartError> {
    let present =
        db.first(FIND_LINE, (line.get(), user.get()), |row| row.int(0))?.ok_or(CartError::LineNotFound)?;
    if present != quantity {
        if quantity == 0 {
            db.run(REMOVE_LINE, [line.get()])?;
        } else {
            db.run(SET_LINE, (line.get(), quantity))?;
        }
        db.one(TOUCH, (user.get(), now.micros()), |row| row.int(0))?;
    }
    Ok(changed_cart(db, user)?)
}

const CLEAR: &str = "
    DELETE FROM cart_items WHERE cart_id = (SELECT id FROM carts WHERE user_id = ?1)";

fn clear(db: &Db<'_>, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
    if db.run(CLEAR, [user.get()])? == 0 {
        return make_cart(db, user, now);
    }
    db.one(TOUCH, (user.get(), now.micros()), |row| row.int(0))?;
    changed_cart(db, user)
}
