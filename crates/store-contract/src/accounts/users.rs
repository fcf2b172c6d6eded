//! Users: unique names and phones, credentials, admins.

use std::collections::BTreeSet;
use std::sync::Arc;

use slippers_core::accounts::{
    AccountError, FirstSession, NewSession, NewUser, PasswordHash, RefreshHash, RefreshToken, Rotation,
    SessionId, User,
};
use slippers_core::types::{Phone, Timestamp, UserId};

use crate::given::{NOW, Shop, assert_is, new_user};

/// A session that story after story opens under its own number.
pub(super) fn session(number: u8) -> NewSession {
    NewSession { id: SessionId::new([number; 16]), cap_at: None, refresh: token(number) }
}

/// The refresh token of this number, good for 30 days.
pub(super) const fn token(number: u8) -> RefreshToken {
    RefreshToken { hash: RefreshHash::new([number; 32]), expires_at: NOW.plus_seconds(30 * 86_400) }
}

/// Exchanges one token for another.
pub(super) async fn rotate(shop: &Shop, presented: u8, next: u8, leeway: i64, now: Timestamp) -> Rotation {
    shop.rotate_refresh(token(presented).hash, token(next), leeway, now).await.expect("the store answers")
}

/// Whose session it is.
pub(super) async fn whose(shop: &Shop, number: u8) -> Option<UserId> {
    shop.find_session_user(session(number).id).await.expect("the store answers").map(|user| user.id)
}

async fn credentials(shop: &Shop, name: &str) -> Option<(UserId, String)> {
    let found = shop.find_credentials(name).await.expect("the store answers");
    found.map(|found| (found.user.id, found.password.as_str().to_owned()))
}

pub async fn a_user_is_kept_as_they_were_made(shop: &Shop) {
    for (number, name, surname, is_admin, micros) in [
        (1, "Азиза", "О'Коннор \"%\"", false, 1_795_418_259_123_456),
        (2, "Bo", "", true, -1),
        (3, "ж".repeat(100).as_str(), "ы".repeat(100).as_str(), false, 0),
    ] {
        let new =
            NewUser { surname: surname.into(), is_admin, ..new_user(name, &format!("+99890111223{number}")) };
        let time = Timestamp::from_micros(micros);
        let made = shop.create_user(new.clone(), time).await.expect("made");
        let expected = User {
            id: UserId::new(number),
            name: new.name,
            surname: new.surname,
            phone: new.phone,
            is_admin,
            created_at: time,
            updated_at: time,
        };
        assert_eq!(made, expected);
        let found = shop.find_credentials(name).await.expect("an answer").expect("there");
        assert_eq!((found.user, found.password), (expected, new.password));
    }
}

pub async fn credentials_are_found_by_exactly_the_name(shop: &Shop) {
    let (upper, lower) = (shop.user("Anna").await, shop.user("anna").await);
    shop.user("Анна").await;
    assert_eq!(credentials(shop, "Anna").await, Some((upper.id, "$argon2id$hash of Anna".into())));
    assert_eq!(credentials(shop, "anna").await, Some((lower.id, "$argon2id$hash of anna".into())));
    for nobody in
        ["ANNA", "анна", "Anna ", " Anna", "Ann", "Ann%", "Ann_", "%", "", "' OR '1'='1", "Anna\u{301}"]
    {
        assert_eq!(credentials(shop, nobody).await, None, "{nobody:?}");
    }
}

pub async fn a_taken_name_is_told_before_a_taken_phone(shop: &Shop) {
    let made = shop.create_user(new_user("Anna", "+998901112233"), NOW).await.expect("made");
    let refused = shop.create_user(new_user("Anna", "+998901112233"), NOW).await;
    assert_is!(refused, Err(AccountError::NameTaken));
    let refused = shop.create_user(new_user("Anna", "+998904445566"), NOW).await;
    assert_is!(refused, Err(AccountError::NameTaken));
    let refused = shop.create_user(new_user("Bella", "+998901112233"), NOW).await;
    assert_is!(refused, Err(AccountError::PhoneTaken));
    assert_eq!(credentials(shop, "Bella").await, None, "she was not made");
    assert_eq!(credentials(shop, "Anna").await.map(|found| found.0), Some(made.id));
    // What was refused has used up neither the name nor the phone.
    shop.create_user(new_user("Bella", "+998904445566"), NOW).await.expect("both are free");
}

pub async fn both_taken_by_different_users_is_a_taken_name(shop: &Shop) {
    shop.create_user(new_user("Anna", "+998901112233"), NOW).await.expect("made");
    shop.create_user(new_user("Bella", "+998904445566"), NOW).await.expect("made");
    for (name, phone) in [("Anna", "+998904445566"), ("Bella", "+998901112233")] {
        assert_is!(shop.create_user(new_user(name, phone), NOW).await, Err(AccountError::NameTaken));
    }
}

pub async fn twenty_strangers_who_come_at_once_are_all_made(shop: &Shop) {
    let made = shop.at_once(20, |shop, _| async move { shop.buyer().await }).await;
    assert_eq!(made.into_iter().collect::<BTreeSet<_>>().len(), 20);
}

pub async fn of_twenty_who_take_one_name_at_once_one_gets_it(shop: &Shop) {
    let answers = shop
        .at_once(20, |shop, number| async move {
            shop.create_user(new_user("Anna", &format!("+9989011122{number:02}")), NOW).await
        })
        .await;
    let winners: Vec<&User> = answers.iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_is!(refused, AccountError::NameTaken);
    }
    assert_eq!(credentials(shop, "Anna").await.map(|found| found.0), Some(winners[0].id));
}

pub async fn of_twenty_who_take_one_phone_at_once_one_gets_it(shop: &Shop) {
    let answers = shop
        .at_once(20, |shop, number| async move {
            shop.create_user(new_user(&format!("Anna {number}"), "+998901112233"), NOW).await
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for (number, answer) in answers.iter().enumerate() {
        let found = credentials(shop, &format!("Anna {number}")).await;
        match answer {
            Ok(user) => assert_eq!(found.map(|found| found.0), Some(user.id)),
            Err(refused) => {
                assert_is!(refused, AccountError::PhoneTaken);
                assert_eq!(found, None);
            }
        }
    }
}

pub async fn phones_differ_by_their_digits(shop: &Shop) {
    for (name, phone) in
        [("A1", "+998901"), ("A2", "+9989010"), ("A3", "+09989010"), ("A4", "+998901112233445")]
    {
        let made = shop.create_user(new_user(name, phone), NOW).await.expect("made");
        assert_eq!(made.phone, Phone::parse(phone).expect("a phone"));
    }
}

pub async fn admins_are_listed_by_number(shop: &Shop) {
    assert_eq!(shop.list_admins().await.expect("an answer"), []);
    let mut admins = Vec::new();
    for (number, (name, is_admin)) in
        [("Zoe", true), ("Anna", false), ("Bella", true), ("anna", true), ("Яна", false)]
            .into_iter()
            .enumerate()
    {
        let new = NewUser { is_admin, ..new_user(name, &format!("+99890111223{number}")) };
        let made = shop.create_user(new, NOW).await.expect("made");
        if is_admin {
            admins.push(made);
        }
    }
    assert_eq!(shop.list_admins().await.expect("an answer"), admins);
}

pub async fn a_reset_changes_one_users_password_and_ends_their_sessions(shop: &Shop) {
    let (anna, other) = (shop.user("Anna").await, shop.user("anna").await);
    for (user, number) in [(anna.id, 1), (anna.id, 2), (other.id, 3)] {
        shop.open_session(user, session(number), NOW).await.expect("opened");
    }
    let later = NOW.plus_seconds(5);
    shop.reset_password("Anna", PasswordHash::new("new".into()), later).await.expect("reset");

    assert_eq!(credentials(shop, "Anna").await, Some((anna.id, "new".into())));
    assert_eq!(credentials(shop, "anna").await, Some((other.id, "$argon2id$hash of anna".into())));
    for number in [1, 2] {
        assert_eq!(whose(shop, number).await, None, "session {number} is ended");
        assert_eq!(rotate(shop, number, 9, 10, later).await, Rotation::Refused);
    }
    assert_eq!(whose(shop, 3).await, Some(other.id), "another's session goes on");
    assert_is!(rotate(shop, 3, 4, 10, later).await, Rotation::Renewed { .. });
    shop.open_session(anna.id, session(5), later).await.expect("a new session may begin");
    assert_eq!(whose(shop, 5).await, Some(anna.id));
}

pub async fn nobodys_password_is_not_reset(shop: &Shop) {
    let anna = shop.user("Anna").await;
    shop.open_session(anna.id, session(1), NOW).await.expect("opened");
    for name in ["anna", "ANNA", "Anna ", "Ann%", "", "Анна"] {
        let refused = shop.reset_password(name, PasswordHash::new("new".into()), NOW).await;
        assert_is!(refused, Err(AccountError::NotFound));
    }
    assert_eq!(credentials(shop, "Anna").await, Some((anna.id, "$argon2id$hash of Anna".into())));
    assert_eq!(whose(shop, 1).await, Some(anna.id));
}

fn first(number: u8) -> FirstSession {
    Arc::new(move |_| session(number))
}

pub async fn somebody_who_registers_is_signed_in(shop: &Shop) {
    let user = shop.register(new_user("Anna", "+998901112233"), first(1), NOW).await.expect("registered");
    assert_eq!(whose(shop, 1).await, Some(user.id));
    let renewed = rotate(shop, 1, 2, 10, NOW).await;
    assert_eq!(renewed, Rotation::Renewed { user, session: session(1).id, cap_at: None });
}

pub async fn a_refused_registration_leaves_no_session(shop: &Shop) {
    shop.create_user(new_user("Anna", "+998901112233"), NOW).await.expect("made");
    let by_name = shop.register(new_user("Anna", "+998904445566"), first(1), NOW).await;
    assert_is!(by_name, Err(AccountError::NameTaken));
    let by_phone = shop.register(new_user("Bella", "+998901112233"), first(2), NOW).await;
    assert_is!(by_phone, Err(AccountError::PhoneTaken));
    for number in [1, 2] {
        assert_eq!(whose(shop, number).await, None);
        assert_eq!(rotate(shop, number, 9, 10, NOW).await, Rotation::Refused);
    }
    assert_eq!(credentials(shop, "Bella").await, None);
}

pub async fn what_is_free_is_told_in_one_read(shop: &Shop) {
    let made = shop.create_user(new_user("Anna", "+998901112233"), NOW).await.expect("made");
    let other = Phone::parse("+998904445566").expect("a phone");
    assert_is!(shop.check_free("Anna", &made.phone).await, Err(AccountError::NameTaken));
    assert_is!(shop.check_free("Bella", &made.phone).await, Err(AccountError::PhoneTaken));
    let before = shop.statements_run();
    shop.check_free("anna", &other).await.expect("another name");
    assert_eq!(shop.statements_run() - before, 1);
}
