//! `slippers transfer`: a shop that moves from its file into PostgreSQL.

use serde_json::{Value, json};
use slippers_testbed::postgres::{self, Database};
use tempfile::TempDir;

use crate::program::run_in;
use crate::shop::{Caller, Shop};

/// A shop on a file that has sold something, and whoever bought it.
fn sold_out_of_a_file() -> (Shop, Caller, Caller) {
    let shop = Shop::on_a_file(TempDir::new().expect("a folder"), &[], &[]);
    let (code, _, complained) = shop.run(&["seed", "--products", "250"], "");
    assert_eq!(code, 0, "{complained}");
    let admin = shop.admin();
    let buyer = shop.customer("Dilnoza O'g'li \\t");
    let mine = shop.product(&admin, "Тапочки \\ \"уют\"\tмягкие", &json!(19.99), 7);
    for slipper in [1, 17, mine] {
        shop.call(&admin, "PUT", &format!("/slippers/{slipper}"), &json!({"quantity": 9})).expect(200);
        shop.put_in_cart(&buyer, slipper, 2);
    }
    let order = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    let path = format!("/orders/{}", order["order_id"].as_str().expect("a number"));
    shop.call(&admin, "PUT", &path, &json!({"status": "PAID"})).expect(200);
    shop.put_in_cart(&buyer, 3, 1);
    (shop, admin, buyer)
}

fn transfer(shop: &Shop, to: &Database) -> (i32, String, String) {
    let from = format!("sqlite:{}", shop.data_dir().join("shop.db").display());
    run_in(shop.data_dir(), &[], &["transfer", "--from", &from, "--to", &to.url()], "")
}

/// What people and admins see of a shop.
fn seen(shop: &Shop, admin: &Caller, buyer: &Caller) -> Vec<Value> {
    let lists = [
        (admin, "/orders/"),
        (admin, "/users/"),
        (admin, "/admin/audit/"),
        (buyer, "/cart"),
        (buyer, "/orders/"),
        (buyer, "/users/me"),
    ];
    let public =
        ["/slippers/?limit=100&sort=price_asc", "/slippers/?search=%D1%83%D1%8E%D1%82", "/categories/"];
    let of_callers =
        lists.map(|(caller, path)| shop.call(caller, "GET", path, &Value::Null).expect(200).json());
    of_callers.into_iter().chain(public.map(|path| shop.get(path).expect(200).json())).collect()
}

#[test]
fn a_shop_moves_whole_and_goes_on() {
    let (mut shop, admin, buyer) = sold_out_of_a_file();
    let before = seen(&shop, &admin, &buyer);
    assert_eq!(shop.terminate(), Some(0));
    let target = postgres::shared().expect("PostgreSQL").database().expect("an empty database");
    let (code, said, complained) = transfer(&shop, &target);
    assert_eq!(code, 0, "{complained}");
    for part in
        ["slippers                      251 rows", "orders.total_minor", "is moved to postgresql://postgres@"]
    {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(!said.contains('█') && !complained.contains('█'), "a progress bar in a pipe");

    let (code, _, complained) = transfer(&shop, &target);
    assert!(code == 1 && complained.contains("the target is not empty"), "{complained}");

    // The same key, so everybody is still signed in.
    let key = shop.data_dir().join("secret_key").display().to_string();
    let folder = TempDir::new().expect("a folder");
    let moved = Shop::on_a_file(folder, &[("DATABASE_URL", &target.url()), ("SECRET_KEY_FILE", &key)], &[]);
    assert_eq!(seen(&moved, &admin, &buyer), before);
    let newest = |list: &Value, name: &str| list.get("items").unwrap_or(list)[0][name].to_string();
    let (last_order, last_user) = (newest(&before[0], "order_id"), newest(&before[1], "id"));
    let order = moved.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    assert_ne!(order["order_id"].to_string(), last_order, "a new number");
    let other = moved.product(&admin, "New", &json!(1), 1);
    assert_eq!(other, 252, "the next number");
    moved.customer("Somebody else");
    let users = moved.call(&admin, "GET", "/users/", &Value::Null).expect(200).json();
    assert_ne!(newest(&users, "id"), last_user);
}

#[test]
fn a_move_that_fails_leaves_nothing_and_can_be_repeated() {
    let (mut shop, ..) = sold_out_of_a_file();
    assert_eq!(shop.terminate(), Some(0));
    let target = postgres::shared().expect("PostgreSQL").database().expect("an empty database");
    // No text of PostgreSQL can hold a NUL; it is met when most of the rows are there already.
    shop.rows().run("UPDATE orders SET notes = 'a' || char(0) || 'b'");
    let (code, _, complained) = transfer(&shop, &target);
    assert!(code == 1 && complained.contains("orders.notes holds a NUL character"), "{complained}");
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(target.query(tables).expect("a count").trim(), "0", "not even the tables stayed");
    shop.rows().run("UPDATE orders SET notes = NULL");
    let (code, _, complained) = transfer(&shop, &target);
    assert_eq!(code, 0, "{complained}");
}

#[test]
fn what_is_no_shop_or_no_server_is_told() {
    let dir = TempDir::new().expect("a folder");
    let run = |from: &str, to: &str| run_in(dir.path(), &[], &["transfer", "--from", from, "--to", to], "");
    let server = "postgresql://nobody:hunter2@127.0.0.1:1/shop";
    for (from, to, code, told) in [
        ("postgres://h/d", server, 2, "--from is not the address of an SQLite file"),
        ("sqlite:shop.db", "sqlite:other.db", 2, "--to is not the whole address of a PostgreSQL server"),
        ("sqlite:shop.db", server, 1, "does not exist"),
    ] {
        let (exit, _, complained) = run(from, to);
        assert!(exit == code && complained.contains(told), "{from} {to}: {complained}");
        assert!(!complained.contains("hunter2"), "{complained}");
    }
}
