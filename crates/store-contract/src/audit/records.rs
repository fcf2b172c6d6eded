//! What leaves a record, what leaves none, and how records are read.

use slippers_core::accounts::{NewReset, NewUser, PasswordHash, PendingReset, ProfileChange, UserChange};
use slippers_core::audit::{AuditQuery, AuditRecord, By};
use slippers_core::catalog::{CategoryChange, SlipperChange};
use slippers_core::orders::{OrderChange, OrderStatus};
use slippers_core::types::{CategoryId, OrderId, ResetId, SlipperId, UserId};

use crate::given::{NOW, Shop, new_category, new_slipper, new_user, to};

async fn records(shop: &Shop) -> Vec<AuditRecord> {
    shop.list_audit(AuditQuery { before: None, max: 1000 }).await.expect("the store answers")
}

/// Who, what, on what, and how, of each record, oldest first.
async fn told(shop: &Shop) -> Vec<(By, String, Option<i64>, String)> {
    let all = records(shop).await.into_iter().rev();
    all.map(|one| (one.by, format!("{} {}", one.action, one.subject), one.subject_id, one.change)).collect()
}

/// Somebody new whose forgotten password waits for an admin.
async fn ask_for_password(shop: &Shop, name: &str) -> PendingReset {
    shop.user(name).await;
    let reset = NewReset { password: PasswordHash::new("new".into()), code: None };
    shop.request_reset(name, reset, NOW).await.expect("an answer").expect("it waits");
    shop.list_resets(10, NOW).await.expect("an answer").pop().expect("the latest")
}

pub async fn every_action_of_an_admin_leaves_one_record(shop: &Shop) {
    let keeper = shop.keeper().await;
    let by = By::Admin(keeper.user);
    let store = &**shop;
    let category = store.create_category(new_category("Men"), by, NOW).await.expect("made").id;
    let change = CategoryChange { description: Some(None), ..CategoryChange::default() };
    store.update_category(category, change, by, NOW).await.expect("changed");
    let slipper = store.create_slipper(new_slipper("Mu"), by, NOW).await.expect("made").id;
    let change = SlipperChange { quantity: Some(7), ..SlipperChange::default() };
    store.update_slipper(slipper, change, keeper.user, NOW).await.expect("changed");
    let order = shop.order_of(&[(slipper, 1)]).await;
    let paid = OrderChange { notes: Some(Some("a street and a number".into())), ..to(OrderStatus::Paid) };
    store.change_order(order.id, keeper, paid, NOW).await.expect("paid");
    let other = shop.order_of(&[(slipper, 1)]).await;
    store.delete_order(other.id, keeper, NOW).await.expect("deleted");
    let change = UserChange { name: Some("Anna Li".into()), is_admin: Some(true), ..UserChange::default() };
    store.update_user(order.user, change, keeper.user, NOW).await.expect("changed");
    store.reset_password("Anna Li", PasswordHash::new("secret".into()), NOW).await.expect("reset");
    let (refused, approved) = (ask_for_password(shop, "Bella").await, ask_for_password(shop, "Clara").await);
    assert!(store.refuse_reset(refused.id, keeper.user, NOW).await.expect("refused"));
    assert!(store.approve_reset(approved.id, keeper.user, NOW).await.expect("approved"));
    store.delete_user(order.user, keeper.user, NOW).await.expect("deleted");
    store.delete_slipper(slipper, by, NOW).await.expect("deleted");
    store.delete_category(category, by, NOW).await.expect("deleted");

    let admin = keeper.user.get();
    let reset = |reset: &PendingReset| format!(r#"{{"reset_id":{}}}"#, reset.id);
    let expected = [
        (By::CommandLine, "create user", admin, r#"{"is_admin":true}"#),
        (by, "create category", category.get(), r#"{"name":"Men","is_active":true}"#),
        (by, "update category", category.get(), r#"{"description":null}"#),
        (
            by,
            "create slipper",
            slipper.get(),
            r#"{"name":"Mu","size":"39","price_minor":10000,"quantity":10}"#,
        ),
        (by, "update slipper", slipper.get(), r#"{"quantity":7}"#),
        (by, "update order", order.id.get(), r#"{"status":"PAID","restock":true,"notes":"changed"}"#),
        (by, "delete order", other.id.get(), "{}"),
        (by, "update user", order.user.get(), r#"{"name":"changed","is_admin":true}"#),
        (By::CommandLine, "reset_password user", order.user.get(), "{}"),
        (by, "refuse_reset user", refused.user.id.get(), &reset(&refused)),
        (by, "approve_reset user", approved.user.id.get(), &reset(&approved)),
        (by, "delete user", order.user.get(), "{}"),
        (by, "delete slipper", slipper.get(), "{}"),
        (by, "delete category", category.get(), "{}"),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(by, what, id, change)| (by, what.to_owned(), Some(id), change.to_owned()))
        .collect();
    assert_eq!(told(shop).await, expected);
}

pub async fn what_is_refused_leaves_no_record(shop: &Shop) {
    let keeper = shop.keeper().await;
    let by = By::Admin(keeper.user);
    let store = &**shop;
    let slipper = shop.product("Mu", 5).await;
    shop.category("Men").await;
    let order = shop.order_of(&[(slipper, 1)]).await;
    shop.move_order(order.id, OrderStatus::Paid).await.expect("paid");
    let before = records(shop).await;
    let nobody = 999;
    store.create_category(new_category("Men"), by, NOW).await.expect_err("taken");
    let no_change = CategoryChange::default();
    store.update_category(CategoryId::new(nobody), no_change, by, NOW).await.expect_err("not there");
    store.delete_category(CategoryId::new(nobody), by, NOW).await.expect_err("not there");
    let category = Some(Some(CategoryId::new(nobody)));
    let change = SlipperChange { quantity: Some(1), category, ..SlipperChange::default() };
    store.update_slipper(slipper, change, keeper.user, NOW).await.expect_err("no such category");
    store.delete_slipper(SlipperId::new(nobody), by, NOW).await.expect_err("not there");
    store.change_order(order.id, keeper, to(OrderStatus::Cancelled), NOW).await.expect_err("paid");
    store.delete_order(order.id, keeper, NOW).await.expect_err("kept");
    store.delete_order(OrderId::new(nobody), keeper, NOW).await.expect_err("not there");
    let change = UserChange { name: Some("Shopkeeper".into()), ..UserChange::default() };
    store.update_user(order.user, change, keeper.user, NOW).await.expect_err("taken");
    store.delete_user(keeper.user, keeper.user, NOW).await.expect_err("one's own");
    store.delete_user(UserId::new(nobody), keeper.user, NOW).await.expect_err("not there");
    let nothing = ResetId::new(nobody);
    assert!(!store.approve_reset(nothing, keeper.user, NOW).await.expect("an answer"));
    assert!(!store.refuse_reset(nothing, keeper.user, NOW).await.expect("an answer"));
    let again = NewUser { is_admin: true, ..new_user("Shopkeeper", "+998900001111") };
    store.create_user(again, NOW).await.expect_err("taken");
    store.reset_password("Nobody", PasswordHash::new("x".into()), NOW).await.expect_err("not there");
    assert_eq!(records(shop).await, before);
}

pub async fn what_people_do_for_themselves_leaves_no_record(shop: &Shop) {
    let slipper = shop.product("Mu", 5).await;
    let before = records(shop).await;
    let order = shop.order_of(&[(slipper, 1)]).await;
    let owner = crate::given::as_buyer(order.user);
    shop.change_order(order.id, owner, to(OrderStatus::Cancelled), NOW).await.expect("cancelled");
    shop.delete_order(order.id, owner, NOW).await.expect("deleted");
    let change = ProfileChange { name: Some("Other".into()), ..ProfileChange::default() };
    shop.update_profile(order.user, change, NOW).await.expect("changed");
    assert_eq!(records(shop).await, before);
}

pub async fn records_are_read_newest_first_and_part_by_part(shop: &Shop) {
    for number in 0..5 {
        shop.create_category(new_category(&format!("C{number}")), NOW.plus_seconds(number))
            .await
            .expect("made");
    }
    let all = records(shop).await;
    let times: Vec<_> = all.iter().map(|one| one.at).collect();
    assert_eq!(times, [4, 3, 2, 1, 0].map(|number| NOW.plus_seconds(number)));
    assert!(all.windows(2).all(|two| two[0].id > two[1].id));
    let part = async |before: Option<i64>, max: i64| {
        shop.list_audit(AuditQuery { before, max }).await.expect("the store answers")
    };
    assert_eq!(part(None, 2).await, all[..2]);
    assert_eq!(part(Some(all[1].id), 2).await, all[2..4]);
    assert_eq!(part(Some(all[4].id), 2).await, []);
    assert_eq!(shop.price_of(part(None, 5)).await, 1);
}
