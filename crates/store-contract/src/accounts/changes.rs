//! Changes of accounts: one's own, and those that admins make of others.

use slippers_core::accounts::rules::UserRefusal;
use slippers_core::accounts::{
    AccountError, NewUser, PasswordChange, PasswordHash, ProfileChange, User, UserChange,
};
use slippers_core::types::{Phone, Timestamp, UserId};

use super::users::{session, whose};
use crate::given::{NOBODYS, NOW, Shop, assert_is, new_user};

const LATER: Timestamp = NOW.plus_seconds(60);

fn phone(text: &str) -> Phone {
    Phone::parse(text).expect("a phone")
}

fn password(present: &str, next: &str, number: u8) -> ProfileChange {
    let hash = |text: &str| PasswordHash::new(text.to_owned());
    let change = PasswordChange { present: hash(present), next: hash(next), session: session(number).id };
    ProfileChange { password: Some(change), ..ProfileChange::default() }
}

fn sides(is_admin: bool) -> UserChange {
    UserChange { is_admin: Some(is_admin), ..UserChange::default() }
}

async fn found(shop: &Shop, id: UserId) -> Option<User> {
    shop.find_user(id).await.expect("the store answers")
}

/// Two who run the shop.
async fn keepers(shop: &Shop) -> (UserId, UserId) {
    let new = NewUser { is_admin: true, ..new_user("Second", "+998711234568") };
    (shop.keeper().await.user, shop.create_user(new, NOW).await.expect("made").id)
}

pub async fn a_user_is_found_by_number(shop: &Shop) {
    let anna = shop.user("Anna").await;
    assert_eq!(found(shop, anna.id).await, Some(anna.clone()));
    let hash = shop.find_password(anna.id).await.expect("an answer");
    assert_eq!(hash, Some(PasswordHash::new("$argon2id$hash of Anna".into())));
    for nobody in NOBODYS.map(UserId::new) {
        assert_eq!(found(shop, nobody).await, None);
        assert_eq!(shop.find_password(nobody).await.expect("an answer"), None);
    }
}

pub async fn a_profile_changes_in_what_is_named(shop: &Shop) {
    let anna = shop.user("Anna").await;
    let same = shop.update_profile(anna.id, ProfileChange::default(), LATER).await.expect("changed");
    assert_eq!(same, User { updated_at: LATER, ..anna.clone() }, "updated_at moves even so");
    let all = ProfileChange {
        name: Some("Bella".into()),
        surname: Some("Qodirova".into()),
        phone: Some(phone("+998909998877")),
        password: None,
    };
    let changed = shop.update_profile(anna.id, all, LATER).await.expect("changed");
    let expected = User {
        name: "Bella".into(),
        surname: "Qodirova".into(),
        phone: phone("+998909998877"),
        updated_at: LATER,
        ..anna.clone()
    };
    assert_eq!((&changed, found(shop, anna.id).await.as_ref()), (&expected, Some(&expected)));
    assert_eq!(shop.find_credentials("Anna").await.expect("an answer"), None, "the old name is free");
    shop.create_user(new_user("Anna", anna.phone.as_str()), NOW).await.expect("and so is the phone");
    for nobody in NOBODYS.map(UserId::new) {
        let refused = shop.update_profile(nobody, ProfileChange::default(), NOW).await;
        assert_is!(refused, Err(AccountError::NotFound));
    }
}

pub async fn a_change_takes_nobodys_name_or_phone(shop: &Shop) {
    let (keeper, anna, bella) = (shop.keeper().await.user, shop.user("Anna").await, shop.user("Bella").await);
    let own = ProfileChange {
        name: Some("Anna".into()),
        phone: Some(anna.phone.clone()),
        ..ProfileChange::default()
    };
    shop.update_profile(anna.id, own, NOW).await.expect("one's own are free for oneself");
    for (name, number, told) in [
        (Some("Bella"), None, "the name is taken"),
        (Some("Bella"), Some(bella.phone.clone()), "the name is taken"),
        (Some("Новое"), Some(bella.phone.clone()), "the phone number is taken"),
    ] {
        let name = name.map(str::to_owned);
        let mine = ProfileChange { name: name.clone(), phone: number.clone(), ..ProfileChange::default() };
        let refused = shop.update_profile(anna.id, mine, LATER).await.expect_err("refused");
        assert_eq!(refused.to_string(), told);
        let theirs = UserChange { name, phone: number, ..UserChange::default() };
        let refused = shop.update_user(anna.id, theirs, keeper, LATER).await.expect_err("refused");
        assert_eq!(refused.to_string(), told);
        assert_eq!(found(shop, anna.id).await, Some(anna.clone()), "nothing changed");
    }
}

pub async fn of_twenty_renamed_to_one_name_at_once_one_is(shop: &Shop) {
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(shop.user(&format!("Person {number}")).await.id);
    }
    let answers = shop
        .at_once(20, move |shop, number| {
            let id = people[usize::try_from(number).expect("small")];
            async move {
                let change = ProfileChange { name: Some("Anna".into()), ..ProfileChange::default() };
                shop.update_profile(id, change, LATER).await
            }
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_is!(refused, AccountError::NameTaken);
    }
}

pub async fn another_password_ends_all_other_sessions(shop: &Shop) {
    let (anna, bella) = (shop.user("Anna").await, shop.user("Bella").await);
    for (user, number) in [(anna.id, 1), (anna.id, 2), (anna.id, 3), (bella.id, 4)] {
        shop.open_session(user, session(number), NOW).await.expect("opened");
    }
    let present = "$argon2id$hash of Anna";
    shop.update_profile(anna.id, password(present, "next", 2), LATER).await.expect("changed");
    let kept = found(shop, anna.id).await.expect("there");
    assert_eq!((kept.name, kept.updated_at), ("Anna".into(), LATER));
    assert_eq!(shop.find_password(anna.id).await.expect("an answer"), Some(PasswordHash::new("next".into())));
    assert_eq!(
        [whose(shop, 1).await, whose(shop, 2).await, whose(shop, 3).await],
        [None, Some(anna.id), None]
    );
    assert_eq!(whose(shop, 4).await, Some(bella.id), "nobody else is signed out");
}

pub async fn a_password_checked_against_an_old_one_is_not_changed(shop: &Shop) {
    let anna = shop.user("Anna").await;
    shop.open_session(anna.id, session(1), NOW).await.expect("opened");
    let mut change = password("another", "next", 2);
    change.name = Some("Bella".into());
    let refused = shop.update_profile(anna.id, change, LATER).await;
    assert_is!(refused, Err(AccountError::PasswordMoved));
    assert_eq!(found(shop, anna.id).await, Some(anna.clone()), "nothing else changed");
    assert_eq!(whose(shop, 1).await, Some(anna.id));
    let answers = shop
        .at_once(10, move |shop, number| async move {
            let change = password("$argon2id$hash of Anna", &format!("next {number}"), 1);
            shop.update_profile(anna.id, change, LATER).await
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "of ten at once one is made");
}

pub async fn an_admin_changes_somebody_else_in_what_is_named(shop: &Shop) {
    let (keeper, anna) = (shop.keeper().await.user, shop.user("Anna").await);
    shop.open_session(anna.id, session(1), NOW).await.expect("opened");
    let promoted = shop.update_user(anna.id, sides(true), keeper, LATER).await.expect("changed");
    assert_eq!(promoted, User { is_admin: true, updated_at: LATER, ..anna.clone() });
    let seen = shop.find_session_user(session(1).id).await.expect("an answer").expect("still signed in");
    assert!(seen.is_admin, "it counts at once");
    let change = UserChange { surname: Some("Li".into()), phone: Some(phone("+998907770")), ..sides(false) };
    let changed = shop.update_user(anna.id, change, keeper, LATER).await.expect("changed");
    let expected = User { surname: "Li".into(), phone: phone("+998907770"), updated_at: LATER, ..anna };
    assert_eq!((&changed, found(shop, changed.id).await.as_ref()), (&expected, Some(&expected)));
}

pub async fn admins_leave_their_own_account_alone(shop: &Shop) {
    let (keeper, second) = keepers(shop).await;
    let before = found(shop, keeper).await;
    for change in [UserChange::default(), sides(false), sides(true)] {
        let refused = shop.update_user(keeper, change, keeper, LATER).await;
        assert_is!(refused, Err(AccountError::Refused(UserRefusal::OwnAccount)));
    }
    let refused = shop.delete_user(second, second, LATER).await;
    assert_is!(refused, Err(AccountError::Refused(UserRefusal::OwnAccount)));
    assert_eq!(found(shop, keeper).await, before);
    assert!(found(shop, second).await.is_some());
}

pub async fn the_last_admin_is_neither_demoted_nor_deleted(shop: &Shop) {
    let (keeper, second) = keepers(shop).await;
    shop.update_user(second, sides(false), keeper, NOW).await.expect("demoted");
    // Somebody who ran the shop a moment ago.
    let refused = shop.update_user(keeper, sides(false), second, NOW).await;
    assert_is!(refused, Err(AccountError::Refused(UserRefusal::LastAdmin)));
    let refused = shop.delete_user(keeper, second, NOW).await;
    assert_is!(refused, Err(AccountError::Refused(UserRefusal::LastAdmin)));
    assert!(found(shop, keeper).await.expect("there").is_admin);
    let renamed = UserChange { surname: Some("Li".into()), ..sides(true) };
    shop.update_user(keeper, renamed, second, NOW).await.expect("anything else can be changed");
    for nobody in NOBODYS.map(UserId::new) {
        assert_is!(shop.update_user(nobody, sides(true), keeper, NOW).await, Err(AccountError::NotFound));
        assert_is!(shop.delete_user(nobody, keeper, NOW).await, Err(AccountError::NotFound));
    }
}

pub async fn however_many_demote_each_other_an_admin_is_left(shop: &Shop) {
    let mut admins = Vec::new();
    for number in 0..10 {
        let new =
            NewUser { is_admin: true, ..new_user(&format!("Admin {number}"), &format!("+99871000{number}")) };
        admins.push(shop.create_user(new, NOW).await.expect("made").id);
    }
    let answers = shop
        .at_once(10, move |shop, number| {
            let at = usize::try_from(number).expect("small");
            let (of, by) = (admins[at], admins[(at + 1) % 10]);
            async move {
                if number % 2 == 0 {
                    shop.update_user(of, sides(false), by, NOW).await.map(drop)
                } else {
                    shop.delete_user(of, by, NOW).await
                }
            }
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 9);
    assert_eq!(shop.list_admins().await.expect("an answer").len(), 1);
}
