//! The list of users: its order, its counts, its search.

use slippers_core::accounts::{NewUser, User, UserChange, UserQuery};
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::search::fold;
use slippers_core::types::{Page, Phone, SlipperId, UserId};

use crate::given::{Dice, NOW, Shop, new_user};

/// Everybody, on one page.
fn everybody() -> UserQuery {
    UserQuery { page: Page::new(0, 100), is_admin: None, search: None }
}

fn searching(text: &str) -> UserQuery {
    UserQuery { search: SearchTerm::new(text), ..everybody() }
}

async fn listed(shop: &Shop, query: UserQuery) -> (Vec<User>, i64) {
    let page = shop.list_users(query).await.expect("the store answers");
    assert!(page.total_is_exact);
    (page.items, page.total)
}

async fn names(shop: &Shop, query: UserQuery) -> Vec<String> {
    listed(shop, query).await.0.into_iter().map(|user| user.name).collect()
}

/// Some people, every third of whom runs the shop.
async fn people(shop: &Shop, count: i64) -> Vec<User> {
    let mut made = Vec::new();
    for number in 0..count {
        let new = new_user(&format!("Person {number}"), &format!("+99890{number:07}"));
        let new = NewUser { is_admin: number % 3 == 0, ..new };
        // Clocks go back sometimes; numbers don't.
        made.push(shop.create_user(new, NOW.plus_seconds(-number)).await.expect("made"));
    }
    made
}

pub async fn users_are_listed_newest_first_page_by_page(shop: &Shop) {
    assert_eq!(listed(shop, everybody()).await, (vec![], 0));
    let mut made = people(shop, 7).await;
    made.reverse();
    assert_eq!(listed(shop, everybody()).await, (made.clone(), 7));
    for (skip, limit) in [(0, 3), (2, 3), (6, 3), (0, 7), (5, 1)] {
        let query = UserQuery { page: Page::new(skip, limit), ..everybody() };
        let (from, to) =
            (usize::try_from(skip).expect("small"), usize::try_from(skip + limit).expect("small"));
        assert_eq!(listed(shop, query).await, (made[from..to.min(7)].to_vec(), 7), "{skip} {limit}");
    }
    for skip in [7, 1000, i64::MAX] {
        let query = UserQuery { page: Page::new(skip, 3), ..everybody() };
        assert_eq!(listed(shop, query).await, (vec![], 7), "past the end the total is right");
    }
}

pub async fn those_who_run_the_shop_are_listed_alone_and_so_are_the_others(shop: &Shop) {
    let mut made = people(shop, 7).await;
    made.reverse();
    for (is_admin, count) in [(true, 3), (false, 4)] {
        let expected: Vec<User> = made.iter().filter(|user| user.is_admin == is_admin).cloned().collect();
        let query = UserQuery { is_admin: Some(is_admin), ..everybody() };
        assert_eq!(listed(shop, query.clone()).await, (expected.clone(), count));
        let found = UserQuery { is_admin: Some(is_admin), ..searching("person") };
        assert_eq!(listed(shop, found).await, (expected, count), "with a search, too");
        let past = UserQuery { page: Page::new(9, 9), ..query };
        assert_eq!(listed(shop, past).await, (vec![], count));
    }
}

pub async fn lists_and_totals_follow_each_change_of_users(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let made = people(shop, 7).await;
    let totals = async || {
        let mut totals = Vec::new();
        for is_admin in [None, Some(true), Some(false)] {
            let (items, total) = listed(shop, UserQuery { is_admin, ..everybody() }).await;
            assert_eq!(i64::try_from(items.len()), Ok(total));
            totals.push(total);
        }
        totals
    };
    assert_eq!(totals().await, [8, 4, 4]);
    let promoted = UserChange { is_admin: Some(true), ..UserChange::default() };
    for _ in 0..2 {
        shop.update_user(made[1].id, promoted.clone(), keeper, NOW).await.expect("promoted");
        assert_eq!(totals().await, [8, 5, 3]);
    }
    let demoted = UserChange { is_admin: Some(false), ..UserChange::default() };
    shop.update_user(made[0].id, demoted, keeper, NOW).await.expect("demoted");
    assert_eq!(totals().await, [8, 4, 4]);
    shop.delete_user(made[0].id, keeper, NOW).await.expect("deleted");
    assert_eq!(totals().await, [7, 4, 3]);
    shop.delete_user(made[1].id, keeper, NOW).await.expect("deleted");
    assert_eq!(totals().await, [6, 3, 3]);
    shop.delete_user(made[1].id, keeper, NOW).await.expect_err("deleted already");
    assert_eq!(totals().await, [6, 3, 3]);
}

/// Changes what lists of users are made of; the first runs the shop and stays.
async fn change(shop: &Shop, dice: &mut Dice, users: &mut Vec<User>, slipper: SlipperId) {
    let keeper = users[0].id;
    let at = 1 + dice.roll(users.len() - 1);
    let (id, number) = (users[at].id, 1_000 + dice.roll(9_000_000));
    let change = match dice.roll(7) {
        0 => {
            shop.delete_user(id, keeper, NOW).await.expect("deleted");
            users.remove(at);
            return;
        }
        // Who has orders is not deleted, but wiped.
        1 => {
            shop.add(id, slipper, 1).await;
            shop.buy(id).await.expect("an order");
            shop.delete_user(id, keeper, NOW).await.expect("wiped");
            users.remove(at);
            return;
        }
        2 => {
            let new = new_user(&format!("Newcomer {number}"), &format!("+99893{number:07}"));
            return users.push(shop.create_user(new, NOW).await.expect("made"));
        }
        3 => UserChange { name: Some(format!("Zed {number}")), ..UserChange::default() },
        4 => UserChange { surname: Some("Qodirov".to_owned()), ..UserChange::default() },
        5 => UserChange { is_admin: Some(!users[at].is_admin), ..UserChange::default() },
        _ => {
            let phone = Phone::parse(&format!("+7916{number:07}")).expect("a phone number");
            UserChange { phone: Some(phone), ..UserChange::default() }
        }
    };
    users[at] = shop.update_user(id, change, keeper, NOW).await.expect("changed");
}

/// Deep pages, which stores may find from what they read before: never a page of a list that is not any more.
pub async fn pages_of_users_that_were_read_before_are_those_of_now(shop: &Shop) {
    let mut dice = Dice::new(8);
    let slipper = shop.product("Mu", 1_000).await;
    let keeper = shop.keeper().await.user;
    let mut users = vec![shop.find_user(keeper).await.expect("an answer").expect("the keeper")];
    users.extend(people(shop, 290).await);
    for round in 0..40 {
        let query = UserQuery {
            is_admin: dice.pick(&[None, None, None, Some(false), Some(true)]),
            search: SearchTerm::new(dice.pick(&["", "", "pe", "karim", "+9989", "998900", "8900001"])),
            ..everybody()
        };
        let sought = query.search.as_ref().map_or("", SearchTerm::as_str);
        let is_wanted = |user: &&User| {
            query.is_admin.is_none_or(|wanted| wanted == user.is_admin)
                && [&user.name, &user.surname, &user.phone.as_str().to_owned()]
                    .iter()
                    .any(|key| fold(key).contains(sought))
        };
        let expected: Vec<User> = users.iter().rev().filter(is_wanted).cloned().collect();
        // A page, the next, both again, and others around them.
        let (skip, limit) = (185 + dice.roll(60), 1 + dice.roll(20));
        for skip in [skip, skip + limit, skip, skip + limit + 5, 0, 220, skip + limit, skip - 20, 300, 60] {
            let [from, rows] = [skip, limit].map(|number| i64::try_from(number).expect("small"));
            let read = listed(shop, UserQuery { page: Page::new(from, rows), ..query.clone() }).await;
            let rows: Vec<User> = expected.iter().skip(skip).take(limit).cloned().collect();
            let total = i64::try_from(expected.len()).expect("small");
            assert_eq!(read, (rows, total), "round {round}, from {skip}: {query:?}");
        }
        change(shop, &mut dice, &mut users, slipper).await;
    }
}

pub async fn users_are_found_by_name_surname_and_phone_in_any_case(shop: &Shop) {
    for (name, surname, phone) in [
        ("Дилноза", "Karimova", "+998901112233"),
        ("100%_sure", "Oʻgʻil", "+998935550000"),
        ("Bo", "Ли", "+79161234567"),
    ] {
        let new = NewUser { surname: surname.into(), ..new_user(name, phone) };
        shop.create_user(new, NOW).await.expect("made");
    }
    for (text, found) in [
        ("дИЛН", vec!["Дилноза"]),
        ("KARIM", vec!["Дилноза"]),
        ("o'G'i", vec!["100%_sure"]),
        ("ЛИ", vec!["Bo"]),
        ("%_", vec!["100%_sure"]),
        ("_", vec!["100%_sure"]),
        ("+998", vec!["100%_sure", "Дилноза"]),
        ("91612", vec!["Bo"]),
        ("234567", vec!["Bo"]),
        ("1234567", vec!["Bo"]),
        ("7234567", vec![]),
        ("2345678", vec![]),
        ("+998901112233", vec!["Дилноза"]),
        ("998935550000x", vec![]),
        ("+9989", vec!["100%_sure", "Дилноза"]),
        ("+", vec!["Bo", "100%_sure", "Дилноза"]),
        ("Дилноза Karimova", vec![]),
        ("nobody", vec![]),
        ("\0", vec![]),
        ("a\"b", vec![]),
    ] {
        assert_eq!(names(shop, searching(text)).await, found, "{text:?}");
    }
}

pub async fn a_change_of_a_user_is_found_at_once(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let anna = shop.user("Annabel").await.id;
    let renamed =
        UserChange {
            name: Some("Борис".into()), surname: Some("Qodirov".into()), ..UserChange::default()
        };
    shop.update_user(anna, renamed, keeper, NOW).await.expect("renamed");
    for (text, count) in [("annab", 0), ("an", 0), ("борис", 1), ("бо", 1), ("qod", 1), ("karim", 1)] {
        assert_eq!(names(shop, searching(text)).await.len(), count, "{text}");
    }
    shop.delete_user(anna, keeper, NOW).await.expect("deleted");
    for text in ["борис", "бо", "б", "qod", "deleted", "delet", "0000", "de"] {
        assert!(!names(shop, searching(text)).await.iter().any(|name| name != "Shopkeeper"), "{text}");
    }
}

pub async fn a_search_of_users_finds_what_a_scan_finds(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let mut dice = Dice::new(7);
    let alphabet: Vec<char> = "abАб '%1\u{fffd}\u{ffff}".chars().collect();
    for number in 0..60 {
        let name = format!("{}{number}", dice.text(&alphabet, 6));
        let surname = dice.text(&alphabet, 4);
        let new = NewUser {
            // Some have the digits of a neighbour's number in their names.
            surname: if dice.roll(4) == 0 { format!("{surname}8900{:03}", number + 1) } else { surname },
            is_admin: dice.roll(4) == 0,
            ..new_user(&name, &format!("+99890{number:04}"))
        };
        let made = shop.create_user(new, NOW).await.expect("made").id;
        if dice.roll(3) == 0 {
            let name = Some(format!("{}x{number}", dice.text(&alphabet, 5)));
            let change = UserChange { name, ..UserChange::default() };
            shop.update_user(made, change, keeper, NOW).await.expect("renamed");
        } else if dice.roll(5) == 0 {
            shop.delete_user(made, keeper, NOW).await.expect("deleted");
        }
    }
    let (all, _) = listed(shop, everybody()).await;
    for _ in 0..300 {
        let length = 1 + dice.roll(4);
        let digits = format!("+99890{:04}", dice.roll(64));
        let text = match dice.roll(3) {
            0 => digits[dice.roll(6)..].to_owned(),
            1 => format!("{}{}", &digits[3..], dice.text(&alphabet, 1)),
            _ => dice.text(&alphabet, length),
        };
        let is_admin = dice.pick(&[None, Some(true), Some(false)]);
        let sought = fold(&text);
        let scan = |user: &&User| {
            is_admin.is_none_or(|wanted| wanted == user.is_admin)
                && [&user.name, &user.surname, &user.phone.as_str().to_owned()]
                    .iter()
                    .any(|key| fold(key).contains(&sought))
        };
        let expected: Vec<UserId> = all.iter().filter(scan).map(|user| user.id).collect();
        let (found, total) = listed(shop, UserQuery { is_admin, ..searching(&text) }).await;
        assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), expected, "{text:?} {is_admin:?}");
        assert_eq!(i64::try_from(expected.len()), Ok(total));
    }
}

pub async fn a_page_of_users_costs_two_statements(shop: &Shop) {
    people(shop, 30).await;
    for query in
        [everybody(), UserQuery { is_admin: Some(true), ..everybody() }, searching("person"), searching("pe")]
    {
        assert_eq!(shop.price_of(shop.list_users(query.clone())).await, 2, "{query:?}");
    }
}
