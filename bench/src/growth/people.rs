//! What a stocked shop is given beside its products: users and their orders, written past the shop, and names that nothing else has.

use std::io;

use crate::Outcome;
use crate::buyers::register;
use crate::client::Client;
use crate::shop::Shop;

/// Orders of the one customer who looks at them.
const OWN_ORDERS: u64 = 100;

/// Products that get a name of their own, in a shop of any size.
const UNIQUE: u64 = 600;

/// What was given.
pub(crate) struct Given {
    /// Who asks, by the lines of their heads.
    pub(crate) admin: String,
    pub(crate) customer: String,
    /// Names that one product each has.
    pub(crate) unique: Vec<String>,
}

/// Gives a shop so many users and as many orders of two lines, most of which have ended.
pub(crate) fn fill(shop: &Shop, people: u64) -> Outcome<Given> {
    let admin = shop.admin()?;
    let customer = register(shop, 1)?.pop().ok_or("a customer")?;
    let unique = rename(shop, &admin)?;
    let own = shop.number("SELECT max(id) FROM users")?;
    let series = |last: u64| {
        format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {last})")
    };
    let users = format!(
        "INSERT INTO users (name, name_key, surname, surname_key, phone_number, password_hash, is_admin, order_count, created_at, updated_at)
         {} SELECT 'Mijoz ' || n, 'mijoz ' || n, 'Каримова', 'каримова', '+9989' || (10000000 + (CAST(n AS bigint) * 7654321) % 89999999), '-', FALSE, 1, n, n FROM n",
        series(people)
    );
    let orders = |count: u64, user: &str| {
        format!(
            "INSERT INTO orders (user_id, status, total_minor, created_at, updated_at)
             {} SELECT {user}, CASE WHEN n % 100 = 0 THEN 'PENDING' ELSE 'CANCELLED' END, 200, n, n FROM n",
            series(count)
        )
    };
    let (of_all, of_one) = (orders(people, &format!("{own} + n")), orders(OWN_ORDERS, &own.to_string()));
    // Every part of one and two characters, as the shop writes it.
    let grams = format!(
        "INSERT INTO user_grams (gram, user_id)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20),
         keys (id, text) AS (
             SELECT id, name_key FROM users WHERE id > {own} UNION ALL SELECT id, surname_key FROM users WHERE id > {own}
             UNION ALL SELECT id, phone_number FROM users WHERE id > {own})
         SELECT DISTINCT substr(text, place.n, size.n), id FROM keys, n AS place, n AS size
         WHERE size.n <= 2 AND place.n + size.n - 1 <= length(text)"
    );
    let counts = format!("UPDATE shop_counters SET value = value + {people} WHERE name = 'users'");
    let orders_of_one = format!("UPDATE users SET order_count = {OWN_ORDERS} WHERE id = {own}");
    let orders_of_all =
        format!("UPDATE order_counters SET orders = orders + {people} + {OWN_ORDERS} WHERE shard = 0");
    let lines = "INSERT INTO order_items (order_id, slipper_id, quantity, unit_price_minor, total_minor, name, size, image)
         SELECT o.id, 1 + o.id % 1000 + place.n, 1, 100, 100, 'Тапочки', '42', '' FROM orders o,
             (SELECT 0 AS n UNION ALL SELECT 1) AS place";
    let last = if shop.database.is_some() {
        // With a checkpoint, so that nobody writes what was stocked to the disk while something is measured.
        &["VACUUM ANALYZE", "CHECKPOINT"][..]
    } else {
        // What is written past the shop is in the log until somebody puts it where it belongs.
        &["INSERT INTO user_search (user_search) VALUES ('rebuild'); PRAGMA wal_checkpoint(TRUNCATE)"]
    };
    let all = [&users, &grams, &of_all, &of_one, lines, &counts, &orders_of_one, &orders_of_all];
    shop.execute(&all)?;
    shop.execute(last)?;
    Ok(Given { admin, customer, unique })
}

/// Adds a number to names, whose words are as common as those of the others.
fn rename(shop: &Shop, admin: &str) -> Outcome<Vec<String>> {
    let mut client = Client::open(shop.address)?;
    let give = |id: u64| -> io::Result<String> {
        let product = client.get(&format!("/slippers/{id}"))?;
        let name = product.split("\"name\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let name = format!(
            "{} {}",
            name.ok_or_else(|| io::Error::other(product.clone()))?,
            10_000 + id * 7_919 % 90_000
        );
        client.ask("PUT", &format!("/slippers/{id}"), admin, &format!(r#"{{"name":"{name}"}}"#))?;
        Ok(name)
    };
    Ok((1..=UNIQUE).map(give).collect::<io::Result<_>>()?)
}
