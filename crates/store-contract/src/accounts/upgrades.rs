//! Passwords that are hashed better.

use slippers_core::accounts::PasswordHash;
use slippers_core::types::UserId;

use super::users::{session, whose};
use crate::given::{NOBODYS, NOW, Shop};

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

async fn upgrade(shop: &Shop, user: UserId, checked: &str, better: &str) -> bool {
    shop.upgrade_password(user, hash(checked), hash(better)).await.expect("the store answers")
}

async fn password(shop: &Shop, name: &str) -> String {
    let found = shop.find_credentials(name).await.expect("an answer").expect("a user");
    found.password.as_str().to_owned()
}

pub async fn an_upgrade_changes_the_password_and_nothing_else(shop: &Shop) {
    let (anna, bella) = (shop.user("Anna").await, shop.user("Bella").await);
    shop.open_session(anna.id, session(1), NOW).await.expect("opened");
    assert!(upgrade(shop, anna.id, "$argon2id$hash of Anna", "better").await);
    let found = shop.find_credentials("Anna").await.expect("an answer").expect("a user");
    assert_eq!((found.user, found.password), (anna.clone(), hash("better")));
    assert_eq!(whose(shop, 1).await, Some(anna.id), "her session goes on");
    assert_eq!(password(shop, "Bella").await, "$argon2id$hash of Bella");
    for nobody in NOBODYS {
        assert!(!upgrade(shop, UserId::new(nobody), "$argon2id$hash of Bella", "better").await);
    }
    assert!(!upgrade(shop, anna.id, "$argon2id$hash of Bella", "worse").await, "another's password");
    assert!(upgrade(shop, bella.id, "$argon2id$hash of Bella", "better").await);
}

pub async fn a_password_that_was_changed_meanwhile_is_not_undone(shop: &Shop) {
    let anna = shop.user("Anna").await;
    shop.reset_password("Anna", hash("new"), NOW).await.expect("reset");
    for checked in ["$argon2id$hash of Anna", "NEW", "new ", "", "%"] {
        assert!(!upgrade(shop, anna.id, checked, "better").await, "{checked:?}");
    }
    assert_eq!(password(shop, "Anna").await, "new");
}

pub async fn of_ten_upgrades_at_once_one_is_made(shop: &Shop) {
    let anna = shop.user("Anna").await.id;
    let answers = shop
        .at_once(10, move |shop, number| async move {
            upgrade(&shop, anna, "$argon2id$hash of Anna", &format!("better {number}")).await
        })
        .await;
    let winners: Vec<usize> = (0..10).filter(|number| answers[*number]).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(password(shop, "Anna").await, format!("better {}", winners[0]));
}
