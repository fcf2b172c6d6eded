//! Carts.

use async_trait::async_trait;
use futures_util::future::try_join;
use slippers_core::StoreError;
use slippers_core::cart::rules::{MAX_LINES, add_quantity};
use slippers_core::cart::{Cart, CartError, CartLine, CartStore, CartTotals};
use slippers_core::types::{CartId, CartLineId, SlipperId, Timestamp, UserId};

use crate::db::{Cells, Db};
use crate::params::params;
use crate::pool::Class;
use crate::replicas::Own;
use crate::store::PostgresStore;

#[async_trait]
impl CartStore for PostgresStore {
    async fn open_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
        // A cart that is there costs one read; it is made once.
        if let Some(cart) = self.read_own(Own::Cart, user, |db, user| Box::pin(read_cart(db, *user))).await? {
            return Ok(cart);
        }
        self.write_own((user, now), |db, (user, now)| Box::pin(make_cart(db, *user, *now))).await
    }

    async fn cart_totals(&self, user: UserId) -> Result<CartTotals, StoreError> {
        let cart = self.read_own(Own::Cart, user, |db, user| Box::pin(read_cart(db, *user))).await?;
        Ok(cart.map_or_else(CartTotals::default, |cart| cart.totals()))
    }

    async fn add_to_cart(
        &self,
        user: UserId,
        slipper: SlipperId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError> {
        let args = (user, slipper, quantity, now);
        self.write_own(args, |db, (user, slipper, quantity, now)| {
            Box::pin(add(db, *user, *slipper, *quantity, *now))
        })
        .await
    }

    async fn set_line_quantity(
        &self,
        user: UserId,
        line: CartLineId,
        quantity: i64,
        now: Timestamp,
    ) -> Result<Cart, CartError> {
        let args = (user, line, quantity, now);
        self.write_own(args, |db, (user, line, quantity, now)| {
            Box::pin(set_quantity(db, *user, *line, *quantity, *now))
        })
        .await
    }

    async fn remove_line(&self, user: UserId, line: CartLineId, now: Timestamp) -> Result<Cart, CartError> {
        let args = (user, line, now);
        self.write_own(args, |db, (user, line, now)| Box::pin(set_quantity(db, *user, *line, 0, *now))).await
    }

    async fn clear_cart(&self, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
        // An empty cart costs one read: front-ends clear theirs hundreds of times in a row.
        match self.read_as(Class::Shopper, user, |db, user| Box::pin(read_cart(db, *user))).await? {
            Some(cart) if cart.lines.is_empty() => Ok(cart),
            _ => self.write_own((user, now), |db, (user, now)| Box::pin(clear(db, *user, *now))).await,
        }
    }
}

const READ: &str = "
    SELECT c.id, c.version, i.id, i.slipper_id, i.quantity, s.name, s.price_minor
    FROM carts c
    LEFT JOIN cart_items i ON i.cart_id = c.id
    LEFT JOIN slippers s ON s.id = i.slipper_id
    WHERE c.user_id = $1
    ORDER BY i.id";

async fn read_cart(db: &Db, user: UserId) -> Result<Option<Cart>, StoreError> {
    let rows =
        db.all(READ, params![user.get()], |row| Ok((row.int(0)?, row.int(1)?, read_line(row)?))).await?;
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
async fn changed_cart(db: &Db, user: UserId) -> Result<Cart, StoreError> {
    read_cart(db, user)
        .await?
        .ok_or_else(|| StoreError::Corrupt("a cart is gone while it is changed".to_owned()))
}

const MAKE: &str = "
    INSERT INTO carts (user_id, version, created_at, updated_at) VALUES ($1, 0, $2, $2)
    ON CONFLICT (user_id) DO NOTHING";

async fn make_cart(db: &Db, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
    db.run(MAKE, params![user.get(), now.micros()]).await?;
    changed_cart(db, user).await
}

// Makes the cart or moves its version, and by that locks it, before it is known whether the change is allowed: a refusal
// undoes it. The product is locked too: one that is deleted at this moment is not found, instead of breaking a rule.
const ADD: &str = "
    WITH cart AS (
        INSERT INTO carts (user_id, version, created_at, updated_at) VALUES ($1, 1, $4, $4)
        ON CONFLICT (user_id) DO UPDATE SET version = carts.version + 1, updated_at = excluded.updated_at
        RETURNING id
    )
    INSERT INTO cart_items (cart_id, slipper_id, quantity, created_at)
    SELECT cart.id, s.id, $3, $4
    FROM cart, (SELECT id FROM slippers WHERE id = $2 FOR KEY SHARE) AS s
    ON CONFLICT (cart_id, slipper_id) DO UPDATE SET quantity = cart_items.quantity + excluded.quantity
    RETURNING quantity";

async fn add(
    db: &Db,
    user: UserId,
    slipper: SlipperId,
    quantity: i64,
    now: Timestamp,
) -> Result<Cart, CartError> {
    let values = params![user.get(), slipper.get(), quantity, now.micros()];
    let sum = db.first(ADD, values, |row| row.int(0)).await?.ok_or(CartError::SlipperNotFound)?;
    if add_quantity(sum - quantity, quantity).is_none() {
        return Err(CartError::LineFull);
    }
    let cart = changed_cart(db, user).await?;
    let lines = i64::try_from(cart.lines.len()).unwrap_or(i64::MAX);
    if lines > MAX_LINES { Err(CartError::CartFull) } else { Ok(cart) }
}

// The cart first: whoever changes a line holds its cart.
const FIND_LINE: &str = "
    SELECT i.quantity FROM carts c JOIN cart_items i ON i.cart_id = c.id
    WHERE i.id = $1 AND c.user_id = $2
    FOR NO KEY UPDATE OF c, i";
const SET_LINE: &str = "UPDATE cart_items SET quantity = $2 WHERE id = $1";
const REMOVE_LINE: &str = "DELETE FROM cart_items WHERE id = $1";
const MOVE_VERSION: &str = "UPDATE carts SET version = version + 1, updated_at = $2 WHERE user_id = $1";

async fn set_quantity(
    db: &Db,
    user: UserId,
    line: CartLineId,
    quantity: i64,
    now: Timestamp,
) -> Result<Cart, CartError> {
    let found = db.first(FIND_LINE, params![line.get(), user.get()], |row| row.int(0)).await?;
    let present = found.ok_or(CartError::LineNotFound)?;
    if present != quantity {
        let moved = db.run(MOVE_VERSION, params![user.get(), now.micros()]);
        if quantity == 0 {
            try_join(moved, db.run(REMOVE_LINE, params![line.get()])).await?;
        } else {
            try_join(moved, db.run(SET_LINE, params![line.get(), quantity])).await?;
        }
    }
    Ok(changed_cart(db, user).await?)
}

const LOCK: &str = "SELECT id FROM carts WHERE user_id = $1 FOR NO KEY UPDATE";
const CLEAR: &str = "DELETE FROM cart_items WHERE cart_id = $1";

/// Locks the cart of a user and answers its number; `None` when they have none.
pub(crate) async fn lock(db: &Db, user: UserId) -> Result<Option<i64>, StoreError> {
    db.first(LOCK, params![user.get()], |row| row.int(0)).await
}

async fn clear(db: &Db, user: UserId, now: Timestamp) -> Result<Cart, StoreError> {
    let Some(cart) = lock(db, user).await? else {
        return make_cart(db, user, now).await;
    };
    // A statement of its own: it sees the lines that were added while it waited for the lock.
    if db.run(CLEAR, params![cart]).await? > 0 {
        db.run(MOVE_VERSION, params![user.get(), now.micros()]).await?;
    }
    changed_cart(db, user).await
}
