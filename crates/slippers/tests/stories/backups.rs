//! A shop that is copied while it sells, and one that comes back.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use tempfile::TempDir;

use crate::program::run_in;
use crate::shop::{ADMIN_PASSWORD, Shop, eventually};

fn run(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    run_in(dir, &[], arguments, "")
}

#[test]
fn a_backup_of_a_selling_shop_is_whole_and_comes_back_with_pictures_and_sessions() {
    let shop = Shop::on_a_file(TempDir::new().expect("a folder"), &[("ORDER_MAX_OPEN", "0")], &[]);
    assert_eq!(shop.run(&["seed", "--products", "30"], "").0, 0);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Comfy", &json!(25), 1_000_000);
    let buyer = shop.customer("Dilnoza");
    let elsewhere = TempDir::new().expect("a folder");
    let backup = elsewhere.path().join("backup");
    let (placed, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let before = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                shop.put_in_cart(&buyer, slipper, 1);
                shop.call(&buyer, "POST", "/orders/from-cart?clear_cart=true", &json!(null)).expect(200);
                placed.fetch_add(1, Ordering::SeqCst);
            }
        });
        eventually("it sells", || (placed.load(Ordering::SeqCst) >= 20).then_some(()));
        let before = placed.load(Ordering::SeqCst);
        let (code, said, errors) = shop.run(&["backup", &backup.display().to_string()], "");
        over.store(true, Ordering::SeqCst);
        assert_eq!(code, 0, "{errors}");
        assert!(said.contains("read from end to end"), "{said}");
        before
    });
    // Into a new folder, where nothing is.
    let other = TempDir::new().expect("a folder");
    let (code, said, errors) = run(other.path(), &["restore", &backup.display().to_string()]);
    assert_eq!(code, 0, "{said}{errors}");
    let copy = Shop::on_a_file(other, &[], &[]);
    // The key came along: who was signed in still is.
    let orders = copy.call(&buyer, "GET", "/orders/", &json!(null)).expect(200);
    let there = orders.json().as_array().expect("orders").len();
    let sold = 1_000_000 - copy.stock(slipper);
    assert!(there >= before && there <= placed.into_inner(), "{there} orders, {before} before it began");
    assert_eq!(usize::try_from(sold).expect("a number"), there, "stock and orders are of one moment");
    copy.login("Admin", ADMIN_PASSWORD);
    let page = copy.get("/slippers/?limit=100").expect(200).json();
    let pictures =
        page["items"].as_array().expect("products").iter().filter_map(|item| item["image"].as_str());
    let shown = pictures.filter(|path| path.starts_with("/static/")).map(|path| copy.get(path).expect(200));
    assert!(shown.count() > 10);
}

#[test]
fn nothing_is_overwritten_and_damage_is_seen() {
    let shop = Shop::on_a_file(TempDir::new().expect("a folder"), &[], &[]);
    let elsewhere = TempDir::new().expect("a folder");
    let backup = elsewhere.path().join("backup");
    let target = backup.display().to_string();
    assert_eq!(shop.run(&["backup", &target], "").0, 0);
    let (code, _, errors) = shop.run(&["backup", &target], "");
    assert!(code == 1 && errors.contains("not empty") && errors.contains("Fix:"), "{errors}");
    let (code, _, errors) = shop.run(&["restore", &target], "");
    assert!(code == 1 && errors.contains("nothing is overwritten"), "{errors}");
    let file = backup.join("shop.db");
    let length = std::fs::metadata(&file).expect("a file").len();
    std::fs::OpenOptions::new().write(true).open(&file).expect("a file").set_len(length / 2).expect("cut");
    let fresh = TempDir::new().expect("a folder");
    let (code, _, errors) = run(fresh.path(), &["restore", &target]);
    assert!(code == 1 && errors.contains("Fix:"), "{errors}");
    assert!(!fresh.path().join("shop.db").exists(), "a damaged backup changes nothing");
    let (code, _, errors) = run(fresh.path(), &["restore", &elsewhere.path().display().to_string()]);
    assert!(code == 1 && errors.contains("holds no backup"), "{errors}");
}

#[test]
fn on_postgresql_the_right_command_is_told() {
    let dir = TempDir::new().expect("a folder");
    let settings =
        [("DATABASE_URL".to_owned(), "postgresql://slippers:secret@127.0.0.1:5432/slippers".to_owned())];
    let (code, _, errors) = run_in(dir.path(), &settings, &["backup", "copy"], "");
    assert!(code == 1 && errors.contains("pg_dump --format=custom"), "{errors}");
    assert!(!errors.contains("secret"), "{errors}");
}
