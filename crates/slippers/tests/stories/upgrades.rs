//! The program before on the schema after: what an upgrade adds is nothing to it, so that one can go back.

use serde_json::{Value, json};

use crate::rows::Rows;
use crate::shop::Shop;

/// The shop's tables, whatever keeps them; not those that a search brings.
fn tables(shop: &Shop) -> Vec<String> {
    let sql = match shop.rows() {
        Rows::File(_) => {
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite%'"
        }
        Rows::Server(_) => "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
    };
    shop.rows().ask(sql).into_iter().map(|mut row| row.remove(0)).collect()
}

/// What a later release may do in a step that only adds.
fn expand(shop: &Shop) {
    for table in tables(shop) {
        for column in ["later TEXT", "later_number BIGINT NOT NULL DEFAULT 7", "later_flag BIGINT DEFAULT 1"]
        {
            // SQLite's strict tables know one kind of whole numbers.
            let column = match shop.rows() {
                Rows::File(_) => column.replace("BIGINT", "INTEGER"),
                Rows::Server(_) => column.to_owned(),
            };
            shop.rows().run(&format!("ALTER TABLE {table} ADD COLUMN {column}"));
        }
    }
    shop.rows().run("CREATE TABLE later (id INTEGER PRIMARY KEY, text TEXT)");
    shop.rows().run("CREATE INDEX orders_later ON orders (later)");
    record(shop, "9998_expand_later");
}

fn record(shop: &Shop, name: &str) {
    shop.rows().run(&format!(
        "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ('{name}', 'x', 1)"
    ));
}

#[test]
fn a_program_sells_on_a_schema_to_which_a_later_one_has_added() {
    let mut shop = Shop::open();
    let admin = shop.admin();
    let before = shop.product(&admin, "Comfy", &json!(25), 5);
    assert_eq!(shop.terminate(), Some(0));
    expand(&shop);
    shop.restart();
    // Each kind of row is read, written and changed.
    let category = shop.category(&admin, "Women");
    let after = shop.product(&admin, "Тёплые", &json!(19.99), 5);
    let buyer = shop.customer("Nigora");
    shop.put_in_cart(&buyer, before, 2);
    shop.put_in_cart(&buyer, after, 1);
    let order = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    let path = format!("/orders/{}", order["order_id"].as_str().expect("a number"));
    shop.call(&admin, "PUT", &path, &json!({"status": "PAID"})).expect(200);
    shop.call(&admin, "PUT", &path, &json!({"status": "REFUNDED"})).expect(200);
    shop.call(&admin, "PUT", &format!("/slippers/{after}"), &json!({"category_id": category, "quantity": 9}))
        .expect(200);
    shop.call(&admin, "GET", "/admin/audit/", &Value::Null).expect(200);
    shop.call(&admin, "GET", "/payments/", &Value::Null).expect(200);
    shop.call(&buyer, "PUT", "/users/me", &json!({"surname": "Karimova"})).expect(200);
    shop.post("/auth/refresh", &json!({"refresh_token": buyer.refresh})).expect(200);
    assert_eq!(shop.get("/slippers/?search=comf").json()["total"], 1);
    assert_eq!(shop.stock(after), 9);
    let (code, status, _) = shop.run(&["migrate", "status"], "");
    assert!(code == 0 && status.contains("9998_expand_later"), "{status}");
    // What takes something away is another matter.
    assert_eq!(shop.terminate(), Some(0));
    record(&shop, "9999_contract_later");
    let (code, _, complained) = shop.run(&["migrate", "up"], "");
    assert!(code == 1 && complained.contains("9999_contract_later"), "{complained}");
    assert!(!complained.contains("9998_expand_later"), "{complained}");
}
