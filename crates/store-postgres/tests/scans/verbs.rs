//! Every verb of the store, with arguments for the shop of `fill.sql`.

use slippers_core::Store as _;
use slippers_core::accounts::{
    AccountStore as _, Actor, CodeHash, NewReset, NewSession, NewUser, PasswordChange, PasswordHash,
    ProfileChange, RefreshHash, RefreshToken, ResetStore as _, SessionId, UserChange, UserQuery,
};
use slippers_core::audit::{AuditQuery, AuditStore as _, By};
use slippers_core::cart::CartStore as _;
use slippers_core::catalog::{
    CatalogStore as _, CategoryChange, NewCategory, NewSlipper, SearchTerm, SlipperChange, SlipperQuery, Sort,
};
use slippers_core::images::{ImageStore as _, NewImage};
use slippers_core::orders::{
    Idempotency, OrderChange, OrderError, OrderQuery, OrderStatus, OrderStore as _, PlaceError, PlaceFromCart,
};
use slippers_core::types::{
    CategoryId, IdempotencyKey, ImageId, Money, OrderId, Page, Phone, ResetId, SlipperId, Timestamp, UserId,
};

use super::Stocked;

const NOW: Timestamp = Timestamp::from_seconds(10);
const ADMIN: UserId = UserId::new(1);

pub(super) async fn all(shop: &mut Stocked) {
    shop.look("ping", async |store, _| store.ping().await).await;
    categories(shop).await;
    products(shop).await;
    lists(shop).await;
    searches(shop).await;
    images(shop).await;
    carts(shop).await;
    orders(shop).await;
    super::payments::all(shop).await;
    super::outbox::all(shop).await;
    accounts(shop).await;
    sessions(shop).await;
    resets(shop).await;
}

async fn categories(shop: &mut Stocked) {
    shop.look("categories", async |store, n| store.list_categories(n, 10).await).await;
    shop.look("a category", async |store, n| store.find_category(CategoryId::new(n)).await).await;
    let new = |n: i64| NewCategory { name: format!("New {n}"), description: None, is_active: true };
    shop.look("a new category", async |store, n| store.create_category(new(n), By::CommandLine, NOW).await)
        .await;
    let change = |n: i64| CategoryChange { name: Some(format!("Newer {n}")), ..CategoryChange::default() };
    let third = CategoryId::new(3);
    shop.look("a change of a category", async |store, n| {
        store.update_category(third, change(n), By::CommandLine, NOW).await
    })
    .await;
    shop.look("an end of a category", async |store, n| {
        store.delete_category(CategoryId::new(n + 3), By::CommandLine, NOW).await
    })
    .await;
}

async fn products(shop: &mut Stocked) {
    let id = |n: i64| SlipperId::new(n * 100);
    shop.look("a product", async |store, n| store.find_slipper(id(n)).await).await;
    shop.look("a product's pictures", async |store, n| store.list_images(id(n)).await).await;
    let new = |n: i64| NewSlipper {
        name: format!("Новые {n}"),
        size: "42".to_owned(),
        price: Money::from_minor(100),
        quantity: 5,
        category: Some(CategoryId::new(1)),
    };
    shop.look("a new product", async |store, n| store.create_slipper(new(n), By::CommandLine, NOW).await)
        .await;
    let change = |n: i64| SlipperChange {
        name: Some(format!("Другие {n}")),
        quantity: Some(9),
        category: Some(Some(CategoryId::new(2))),
        ..SlipperChange::default()
    };
    shop.look("a change of a product", async |store, n| {
        store.update_slipper(id(n), change(n), ADMIN, NOW).await
    })
    .await;
    shop.look("an end of a product", async |store, n| {
        store.delete_slipper(SlipperId::new(n * 100 + 1), By::CommandLine, NOW).await
    })
    .await;
}

const SORTS: [Sort; 8] = [
    Sort::IdAsc,
    Sort::IdDesc,
    Sort::NameAsc,
    Sort::NameDesc,
    Sort::PriceAsc,
    Sort::PriceDesc,
    Sort::CreatedAsc,
    Sort::CreatedDesc,
];

/// Pages of a list in every order, the first and later ones.
async fn pages(shop: &mut Stocked, search: Option<&str>, category: Option<i64>, sorts: &[Sort]) {
    for &sort in sorts {
        for skip in [0, 2_000] {
            let query = SlipperQuery {
                page: Page::new(skip, 20),
                category: category.map(CategoryId::new),
                search: search.and_then(SearchTerm::new),
                sort,
                with_images: true,
            };
            let name = format!("page {search:?} {category:?} {sort:?} from {skip}");
            shop.look(&name, async |store, _| store.list_slippers(query.clone()).await).await;
        }
    }
}

async fn lists(shop: &mut Stocked) {
    for category in [None, Some(1), Some(3)] {
        pages(shop, None, category, &SORTS).await;
        for sort in SORTS {
            let name = format!("page after page in {category:?} {sort:?}");
            let query = SlipperQuery {
                page: Page::new(0, 20),
                category: category.map(CategoryId::new),
                search: None,
                sort,
                with_images: true,
            };
            // Each begins where the one before it ended.
            shop.look(&name, async |store, round| {
                let page = Page::new(1_000 + 20 * round, 20);
                store.list_slippers(SlipperQuery { page, ..query.clone() }).await
            })
            .await;
        }
    }
}

async fn searches(shop: &mut Stocked) {
    // Common and rare, of one to many characters.
    for term in ["4", "42", "ж", "тапки", "жемчуг", "comfort 1999", "ничего такого"] {
        for category in [None, Some(2), Some(3)] {
            pages(shop, Some(term), category, &[Sort::IdDesc, Sort::PriceAsc]).await;
        }
    }
}

/// Names that few products each have, each for the first time.
pub(super) async fn rare_searches(shop: &mut Stocked) {
    let rare = |n: i64| SlipperQuery {
        page: Page::new(0, 20),
        category: None,
        search: SearchTerm::new(&format!("comfort {}", 1_100 + 13 * n)),
        sort: Sort::IdDesc,
        with_images: true,
    };
    shop.look("rare names", async |store, n| store.list_slippers(rare(n)).await).await;
}

async fn images(shop: &mut Stocked) {
    let id = |n: i64| SlipperId::new(n * 50);
    let new = |n: i64| vec![NewImage { path: format!("/new/{n}.jpg"), variants: Vec::new() }];
    shop.look("new pictures", async |store, n| store.add_images(id(n), new(n), NOW).await).await;
    shop.look("another primary picture", async |store, n| {
        store.set_primary_image(id(n), ImageId::new(n * 50), NOW).await
    })
    .await;
    shop.look("an end of a picture", async |store, n| {
        store.delete_image(id(n), ImageId::new(n * 50), NOW).await
    })
    .await;
    shop.look("pictures that nobody needs", async |store, n| store.list_unneeded_pictures(n).await).await;
    let paths = |n: i64| vec![format!("/gone/{n}.jpg")];
    shop.look("pictures forgotten", async |store, n| store.forget_pictures(paths(n)).await).await;
}

async fn carts(shop: &mut Stocked) {
    let user = |n: i64| UserId::new(n * 10);
    shop.look("a cart", async |store, n| store.open_cart(user(n), NOW).await).await;
    shop.look("a cart's sums", async |store, n| store.cart_totals(user(n)).await).await;
    shop.look("into the cart", async |store, n| store.add_to_cart(user(n), SlipperId::new(n), 1, NOW).await)
        .await;
    shop.look("a line set and removed", async |store, n| {
        let line = store.open_cart(user(n), NOW).await?.lines[0].id;
        store.set_line_quantity(user(n), line, 3, NOW).await?;
        store.remove_line(user(n), line, NOW).await
    })
    .await;
    shop.look("a cart emptied", async |store, n| store.clear_cart(user(n), NOW).await).await;
}

pub(super) async fn everybodys_orders(shop: &mut Stocked) {
    let behind = |n: i64| OrderQuery {
        of: None,
        with_outcome: false,
        before: Some(OrderId::new(15_000 - 20 * n)),
        max: 20,
    };
    shop.look("everybody's orders", async |store, n| store.list_orders(behind(n)).await).await;
}

pub(super) async fn orders(shop: &mut Stocked) {
    let keyed = |n: i64| {
        let key = IdempotencyKey::parse(&format!("scan-{n}")).expect("a key");
        Some(Idempotency { key, request: "from-cart".to_owned() })
    };
    let place = |n: i64, clear_cart| PlaceFromCart {
        user: UserId::new(1000 + n),
        clear_cart,
        idempotency: keyed(n),
        max_open: 0,
        max_quantity: 500,
    };
    let placed = async |store: &slippers_store_postgres::PostgresStore, n| -> Result<(), PlaceError> {
        store.place_from_cart(place(n, false), NOW).await?;
        store.place_from_cart(PlaceFromCart { idempotency: None, ..place(n, true) }, NOW).await?;
        store.place_from_cart(place(n, false), NOW).await.map(drop)
    };
    shop.look("orders placed and placed again", placed).await;
    for (with_outcome, name) in [(false, "orders"), (true, "paid orders")] {
        let of = |of| OrderQuery { of, with_outcome, before: Some(OrderId::new(15_000)), max: 20 };
        shop.look(name, async |store, _| store.list_orders(of(None)).await).await;
        let name = format!("a user's {name}");
        shop.look(&name, async |store, n| store.list_orders(of(Some(UserId::new(n * 7)))).await).await;
    }
    let id = |n: i64| OrderId::new(n * 100);
    let admin = Actor { user: ADMIN, is_admin: true };
    shop.look("an order", async |store, n| store.find_order(id(n)).await).await;
    let moved = async |store: &slippers_store_postgres::PostgresStore, n| -> Result<(), OrderError> {
        let to = |status| OrderChange { status: Some(status), ..OrderChange::default() };
        store.change_order(id(n), admin, to(OrderStatus::Paid), NOW).await?;
        store.change_order(id(n + 50), admin, to(OrderStatus::Cancelled), NOW).await?;
        store.delete_order(id(n + 100), admin, NOW).await
    };
    shop.look("orders paid, cancelled and deleted", moved).await;
    shop.look("orders expired", async |store, n| {
        store.expire_orders(Timestamp::from_seconds(17_000 + n), 5, NOW).await
    })
    .await;
    shop.look("keys forgotten", async |store, n| {
        store.sweep_idempotency(Timestamp::from_seconds(n * 3), 5).await
    })
    .await;
}

async fn accounts(shop: &mut Stocked) {
    let phone = |n: i64| Phone::parse(&format!("+99891{n:07}")).expect("a phone");
    let new = |n: i64, is_admin| NewUser {
        name: format!("Newcomer{n}"),
        surname: "Somebody".to_owned(),
        phone: phone(n),
        password: PasswordHash::new("hash".to_owned()),
        is_admin,
    };
    shop.look("is it free", async |store, n| store.check_free("nobody has this", &phone(n)).await).await;
    shop.look("a new user", async |store, n| store.create_user(new(n, false), NOW).await).await;
    shop.look("a new admin", async |store, n| store.create_user(new(n + 100, true), NOW).await).await;
    shop.look("credentials", async |store, n| store.find_credentials(&format!("User{n}")).await).await;
    shop.look("a user", async |store, n| store.find_user(UserId::new(n)).await).await;
    shop.look("a password", async |store, n| store.find_password(UserId::new(n)).await).await;
    shop.look("admins", async |store, _| store.list_admins().await).await;
    for term in [None, Some("9"), Some("77"), Some("user4711"), Some("surname"), Some("0004711")] {
        for is_admin in [None, Some(true), Some(false)] {
            for skip in [0, 2_000] {
                let query =
                    UserQuery { page: Page::new(skip, 20), is_admin, search: term.and_then(SearchTerm::new) };
                let name = format!("users {term:?} {is_admin:?} from {skip}");
                shop.look(&name, async |store, _| store.list_users(query.clone()).await).await;
            }
        }
    }
    let id = |n: i64| UserId::new(n * 11);
    let profile = |n: i64| ProfileChange {
        surname: Some(format!("Other{n}")),
        password: Some(PasswordChange {
            present: PasswordHash::new("hash".to_owned()),
            next: PasswordHash::new("next".to_owned()),
            session: SessionId::new([9; 16]),
        }),
        ..ProfileChange::default()
    };
    shop.look("a profile", async |store, n| store.update_profile(id(n), profile(n), NOW).await).await;
    let change = |n: i64| UserChange { name: Some(format!("Other{n}")), ..UserChange::default() };
    shop.look("a change of a user", async |store, n| store.update_user(id(n), change(n), ADMIN, NOW).await)
        .await;
    let hash = |text: &str| PasswordHash::new(text.to_owned());
    shop.look("a password set", async |store, n| {
        store.reset_password(&format!("User{}", n + 500), hash("set"), NOW).await
    })
    .await;
    shop.look("a password upgraded", async |store, n| {
        store.upgrade_password(UserId::new(n + 600), hash("hash"), hash("better")).await
    })
    .await;
    shop.look("an end of a user", async |store, n| store.delete_user(UserId::new(n + 700), ADMIN, NOW).await)
        .await;
    let listed = |n| AuditQuery { before: Some(n * 100), max: 20 };
    shop.look("the record", async |store, n| store.list_audit(listed(n)).await).await;
}

async fn sessions(shop: &mut Stocked) {
    let bytes = |n: i64| {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&n.to_be_bytes());
        bytes
    };
    let session = |n: i64| {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&n.to_be_bytes());
        SessionId::new(id)
    };
    let token = |n: i64| RefreshToken {
        hash: RefreshHash::new(bytes(n)),
        expires_at: Timestamp::from_seconds(9_000),
    };
    let new = |n: i64| NewSession { id: session(n + 10_000), cap_at: None, refresh: token(n + 10_000) };
    shop.look("a new session", async |store, n| {
        store.open_session(UserId::new(n), &PasswordHash::new("hash".to_owned()), new(n), NOW).await
    })
    .await;
    shop.look("whose session", async |store, n| store.find_session_user(session(n + 20)).await).await;
    shop.look("a token renewed", async |store, n| {
        store.rotate_refresh(RefreshHash::new(bytes(n + 20)), token(n + 20_000), 0, NOW).await?;
        // A second time: that ends the session.
        store.rotate_refresh(RefreshHash::new(bytes(n + 20)), token(n + 30_000), 0, NOW).await
    })
    .await;
    shop.look("an end of a session", async |store, n| store.end_session(session(n + 40), NOW).await).await;
    shop.look("sessions forgotten", async |store, n| {
        store.sweep_sessions(Timestamp::from_seconds(n * 10), 5).await
    })
    .await;
}

async fn resets(shop: &mut Stocked) {
    let code = |n: i64| {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&n.to_be_bytes());
        CodeHash::new(bytes)
    };
    let reset = |n: i64| NewReset { password: PasswordHash::new("new".to_owned()), code: Some(code(n)) };
    shop.look("a reset asked for", async |store, n| {
        store.request_reset(&format!("User{}", n + 1000), reset(n), NOW).await
    })
    .await;
    shop.look("a reset confirmed", async |store, n| {
        store.confirm_reset(&format!("User{}", n + 3000), code(n + 3000), NOW).await
    })
    .await;
    shop.look("a reset left to admins", async |store, n| {
        store.leave_reset_to_admins(UserId::new(n + 4000), code(n + 4000), NOW).await
    })
    .await;
    shop.look("resets", async |store, n| store.list_resets(n, NOW).await).await;
    shop.look("a reset approved", async |store, n| {
        store.approve_reset(ResetId::new(n * 50), ADMIN, NOW).await
    })
    .await;
    shop.look("a reset refused", async |store, n| {
        store.refuse_reset(ResetId::new(n * 50 + 1000), ADMIN, NOW).await
    })
    .await;
    shop.look("resets forgotten", async |store, n| {
        store.sweep_resets(Timestamp::from_seconds(n * 250), 5).await
    })
    .await;
}
