//! Shops that come with goods: `seed` for measuring, `serve --demo` for looking.

use std::io::Cursor;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::run_in;
use crate::shop::{Answer, Shop, eventually};

fn total(shop: &Shop, query: &str) -> i64 {
    shop.get(&format!("/slippers/?limit=1{query}")).expect(200).json()["total"].as_i64().expect("a number")
}

/// Decodes a picture as a PNG to its last pixel; answers its size.
fn decode(picture: &Answer) -> (u32, u32) {
    let mut reader = png::Decoder::new(Cursor::new(&picture.body)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut pixels).expect("whole pixels");
    (frame.width, frame.height)
}

/// Follows every picture of a page of products.
fn assert_pictures_are_served(shop: &Shop, products: &Value) {
    for product in products.as_array().expect("products") {
        let path = product["primary_image"].as_str().expect("a path");
        assert!(path.starts_with("/static/images/") && path.ends_with(".png"), "{path}");
        assert_eq!((&product["image"], &product["images"][0]["is_primary"]), (&json!(path), &json!(true)));
        let picture = shop.get(path).expect(200);
        assert_eq!(picture.header("content-type"), Some("image/png"));
        let (width, height) = decode(&picture);
        assert!(width >= 200 && height >= 200, "{width} x {height}");
    }
}

#[test]
fn a_seed_makes_exactly_so_many_products_beside_a_running_shop() {
    let shop = Shop::open();
    assert_eq!(total(&shop, ""), 0);
    let (code, said, complained) = shop.run(&["seed", "--products", "1000"], "");
    assert_eq!(code, 0, "{complained}");
    assert!(said.contains("1 000 products"), "{said}");
    for text in [&said, &complained] {
        assert!(!text.contains(['\r', '\u{1b}', '█']), "a progress bar in a pipe: {text:?}");
    }
    // The running shop shows them without a restart, and soon: another process has made them. Where there are replicas, each is
    // behind by another time, and a list is asked of one of them.
    let shares = || (1..=3).map(|id| total(&shop, &format!("&category_id={id}"))).collect::<Vec<_>>();
    eventually("the seed is shown", || {
        (total(&shop, "") == 1000 && shares() == [334, 333, 333]).then_some(())
    });
    let categories = shop.get("/categories/").expect(200).json();
    let named: Vec<_> = categories
        .as_array()
        .expect("categories")
        .iter()
        .map(|c| (c["id"].clone(), c["name"].clone()))
        .collect();
    assert_eq!(named, [(json!(1), json!("Men")), (json!(2), json!("Women")), (json!(3), json!("Kids"))]);

    let mut sizes = std::collections::BTreeSet::new();
    let mut pictures = std::collections::BTreeSet::new();
    let (mut cyrillic, mut latin) = (0, 0);
    for skip in (0..1000).step_by(100) {
        let page = shop.get(&format!("/slippers/?skip={skip}&limit=100&sort=id_asc")).expect(200).json();
        for product in page["items"].as_array().expect("products") {
            let name = product["name"].as_str().expect("a name");
            assert!((2..=3).contains(&name.split(' ').count()), "{name}");
            let is_cyrillic = name.chars().any(|c| ('\u{400}'..='\u{4ff}').contains(&c));
            *(if is_cyrillic { &mut cyrillic } else { &mut latin }) += 1;
            sizes.insert(product["size"].as_str().and_then(|size| size.parse::<i64>().ok()).expect("a size"));
            let paths = product["image_gallery"].as_array().expect("pictures");
            assert!(!paths.is_empty());
            pictures.extend(paths.iter().map(|path| path.as_str().expect("a path").to_owned()));
        }
    }
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), (36..=48).collect::<Vec<_>>());
    assert!(cyrillic > 100 && latin > 100, "{cyrillic} Cyrillic and {latin} Latin names");
    assert!((12..=99).contains(&pictures.len()), "a few dozen files are shared: {}", pictures.len());
    for path in pictures {
        decode(&shop.get(&path).expect(200));
    }
}

#[test]
fn a_catalogue_that_is_not_empty_is_not_seeded() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "My Own Slipper", &json!(25), 3);
    let refused = || {
        let (code, said, complained) = shop.run(&["seed", "--products", "5"], "");
        assert_eq!((code, said.as_str()), (1, ""));
        assert!(complained.contains("not empty") && complained.contains("Fix:"), "{complained}");
    };
    refused();
    assert_eq!((total(&shop, ""), shop.stock(slipper)), (1, 3));
    shop.call(&admin, "DELETE", &format!("/slippers/{slipper}"), &Value::Null).expect(200);
    let category = shop.call(&admin, "POST", "/categories/", &json!({"name": "Mine"})).expect(200).json();
    refused();
    let path = format!("/categories/{}", category["id"]);
    shop.call(&admin, "DELETE", &path, &Value::Null).expect(200);
    // Emptied again, it is seeded, and the numbers of the categories are 1 to 3 all the same.
    let (code, _, complained) = shop.run(&["seed", "--products", "5"], "");
    assert_eq!(code, 0, "{complained}");
    eventually("the seed is shown", || {
        let totals = ["", "&category_id=1", "&category_id=3"].map(|query| total(&shop, query));
        (totals == [5, 2, 1]).then_some(())
    });
    refused();
    assert_eq!(total(&shop, ""), 5);
}

#[test]
fn the_same_seed_gives_the_same_shop() {
    let names = || {
        let shop = Shop::open();
        assert_eq!(shop.run(&["seed", "--products", "4"], "").0, 0);
        let mut page = eventually("the seed is shown", || {
            let page = shop.get("/slippers/?sort=id_asc").expect(200).json();
            (page["total"] == 4).then_some(page)
        });
        page["items"]
            .take()
            .as_array()
            .expect("products")
            .iter()
            .map(|p| format!("{} {} {}", p["name"], p["price"], p["primary_image"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(), names());
}

/// The word behind a label of the welcome.
fn told(shop: &Shop, label: &str) -> Option<String> {
    shop.said().lines().find_map(|line| line.trim().strip_prefix(label)).map(|rest| rest.trim().to_owned())
}

/// The same for what must be told.
fn hear(shop: &Shop, label: &str) -> String {
    eventually(label, || told(shop, label))
}

/// Ends a demo that must have made no admin.
fn close_without_password(mut shop: Shop) {
    assert_eq!(shop.terminate(), Some(0));
    assert!(told(&shop, "demo").is_some() && told(&shop, "password").is_none(), "{}", shop.said());
}

#[test]
fn a_demo_is_stocked_and_its_admin_s_password_is_told_once() {
    let mut shop = Shop::on_a_file(TempDir::new().expect("a folder"), &[], &["--demo"]);
    let page = shop.get("/slippers/?limit=100").expect(200).json();
    let products = page["items"].as_array().expect("products").len();
    assert!((24..=100).contains(&products), "{products} products");
    assert_eq!(shop.get("/categories/").json().as_array().map(Vec::len), Some(3));
    assert_pictures_are_served(&shop, &page["items"]);

    let (name, password) = (hear(&shop, "admin"), hear(&shop, "password"));
    assert!(password.len() >= 16, "guessable");
    let admin = shop.login(&name, &password);
    let own = shop.product(&admin, "My Own Slipper", &json!(25), 3);

    assert_eq!(shop.terminate(), Some(0));
    assert_eq!(shop.said().matches(&password).count(), 1);
    shop.restart();
    assert_eq!(
        usize::try_from(total(&shop, "")).ok(),
        Some(products + 1),
        "the second start changes nothing"
    );
    assert_eq!(shop.stock(own), 3);
    shop.login(&name, &password);
    let (_, list, _) = shop.run(&["admin", "list"], "");
    assert_eq!(list.matches('+').count(), 1, "one admin: {list}");

    // A new shop beside the old pictures, which are not drawn again: another password.
    assert_eq!(shop.terminate(), Some(0));
    assert!(told(&shop, "password").is_none(), "{}", shop.said());
    let database = shop.data_dir().join("shop.db");
    std::fs::remove_file(&database).expect("it was there");
    shop.restart();
    assert_ne!(hear(&shop, "password"), password);
    shop.post("/auth/login", &json!({"name": name, "password": password})).expect(401);

    // And one that has an admin already: it is stocked, and nobody new comes in.
    assert_eq!(shop.terminate(), Some(0));
    std::fs::remove_file(&database).expect("it was there");
    let create = ["admin", "create", "--name", "Boss", "--phone", "+998900000001", "--password-stdin"];
    assert_eq!(shop.run(&create, "long enough\n").0, 0);
    shop.restart();
    assert_eq!(usize::try_from(total(&shop, "")).ok(), Some(products));
    shop.login("Boss", "long enough");
    close_without_password(shop);
}

#[test]
fn a_demo_leaves_a_shop_with_goods_alone() {
    let dir = TempDir::new().expect("a folder");
    assert_eq!(run_in(dir.path(), &[], &["seed", "--products", "3"], "").0, 0);
    let shop = Shop::on_a_file(dir, &[], &["--demo"]);
    assert_eq!(total(&shop, ""), 3);
    close_without_password(shop);
}
