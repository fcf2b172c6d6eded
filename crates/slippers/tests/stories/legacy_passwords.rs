//! Passwords as the old shop kept them: they open the door once, and are hashed at that.

use serde_json::{Value, json};

use crate::shop::{PASSWORD, Shop};

const OLD: &str = "old-password-in-plain-text";
/// "abcdefghijklmnopqrstuvwxyz" by bcrypt.
const BCRYPT: &str = "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC";
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz";

fn plant(shop: &Shop, name: &str, stored: &str) {
    shop.rows().run(&format!("UPDATE users SET password_hash = '{stored}' WHERE name = '{name}'"));
    assert_eq!(self::stored(shop, name), stored, "planted");
}

fn stored(shop: &Shop, name: &str) -> String {
    // With something in front, since nothing at all is no row to some clients.
    let marked = shop.rows().ask(&format!("SELECT '=' || password_hash FROM users WHERE name = '{name}'"));
    marked[0][0].trim_start_matches('=').to_owned()
}

#[test]
fn b11_an_old_password_works_and_is_hashed_at_the_first_good_sign_in() {
    let mut shop = Shop::open_with(&[("SLIPPERS_LOG", "debug")]);
    for (name, password, kept) in [("Karim", OLD, OLD), ("Lola", ALPHABET, BCRYPT)] {
        let before = shop.customer(name);
        plant(&shop, name, kept);
        for wrong in [PASSWORD, "", &password[..password.len() - 1], BCRYPT] {
            let body = json!({"name": name, "password": wrong});
            shop.post("/auth/login", &body).expect_error(401, "Incorrect name or password");
        }
        assert_eq!(stored(&shop, name), kept, "a wrong password changes nothing");
        shop.login(name, password);
        let hashed = stored(&shop, name);
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        shop.login(name, password);
        assert_eq!(stored(&shop, name), hashed, "it is hashed once");
        shop.post("/auth/login", &json!({"name": name, "password": hashed})).expect(401);
        // Nobody is thrown out by it.
        shop.call(&before, "GET", "/cart", &Value::Null).expect(200);
    }
    assert_eq!(shop.terminate(), Some(0));
    let log = shop.said();
    for secret in [OLD, ALPHABET, BCRYPT, "$argon2id"] {
        assert!(!log.contains(secret), "{secret} stands in:\n{log}");
    }
}

#[test]
fn a_stolen_hash_and_a_mark_for_no_password_open_nothing() {
    let shop = Shop::open();
    shop.customer("Karim");
    for kept in
        ["", "!", "deleted", BCRYPT, "$6$salt$digest", "pbkdf2_sha256$1$salt$digest", "$argon2id$broken"]
    {
        plant(&shop, "Karim", kept);
        shop.post("/auth/login", &json!({"name": "Karim", "password": kept})).expect(401);
        assert_eq!(stored(&shop, "Karim"), kept);
    }
}

#[test]
fn a_crowd_that_signs_in_at_once_is_let_in_and_one_hash_stays() {
    let shop = Shop::open();
    shop.customer("Karim");
    plant(&shop, "Karim", OLD);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| shop.login("Karim", OLD));
        }
    });
    assert!(stored(&shop, "Karim").starts_with("$argon2id$"));
    shop.login("Karim", OLD);
}
