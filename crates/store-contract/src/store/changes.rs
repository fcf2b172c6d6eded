//! What is told to those who listen: everything that changes in the catalogue, before its answer.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use slippers_core::accounts::Actor;
use slippers_core::catalog::{CategoryChange, SlipperChange};
use slippers_core::images::NewImage;
use slippers_core::orders::OrderStatus;
use slippers_core::types::{Money, SlipperId};
use slippers_core::{Change, ChangeListener};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::yield_now;

use crate::given::{NOW, PATIENCE, Shop, new_category};

/// Remembers what it is told.
#[derive(Default)]
struct Ear(Mutex<Vec<Change>>);

impl Ear {
    /// One that listens from now on.
    fn at(shop: &Shop) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        let listener: Weak<Self> = Arc::downgrade(&ear);
        shop.listen(listener);
        ear
    }

    /// What it was told since the last time.
    fn heard(&self) -> Vec<Change> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }

    #[track_caller]
    fn expect(&self, change: Change) {
        let heard = self.heard();
        assert!(
            heard.contains(&change) || heard.contains(&Change::Catalog),
            "{change:?} is not in {heard:?}"
        );
    }
}

impl ChangeListener for Ear {
    fn changed(&self, changes: &[Change]) {
        self.0.lock().expect("nobody panics with it").extend_from_slice(changes);
    }
}

pub async fn every_change_is_told_before_its_answer(shop: &Shop) {
    let keeper = shop.keeper().await;
    let ear = Ear::at(shop);
    let men = shop.category("Men").await;
    ear.expect(Change::Category(men));
    shop.update_category(men, CategoryChange::default(), NOW).await.expect("changed");
    ear.expect(Change::Category(men));
    let mu = shop.product("Mu", 5).await;
    ear.expect(Change::Slipper(mu));
    shop.set(mu, SlipperChange { price: Some(Money::from_minor(7)), ..SlipperChange::default() }).await;
    ear.expect(Change::Slipper(mu));
    let picture = |name: &str| NewImage { path: format!("/static/images/{name}.png"), variants: Vec::new() };
    let added = shop.add_images(mu, vec![picture("a"), picture("b")], NOW).await.expect("added");
    ear.expect(Change::Slipper(mu));
    let [first, second] = [added[0].id, added[1].id];
    shop.set_primary_image(mu, second, NOW).await.expect("it is the primary one");
    ear.expect(Change::Slipper(mu));
    shop.delete_image(mu, first, NOW).await.expect("deleted");
    ear.expect(Change::Slipper(mu));
    shop.delete_category(men).await.expect("deleted");
    ear.expect(Change::Category(men));
    shop.delete_slipper(mu, NOW).await.expect("deleted");
    ear.expect(Change::Slipper(mu));
    // Each listener hears everything, and one that is gone is in nobody's way.
    let other = Ear::at(shop);
    drop(ear);
    let nu = shop.product("Nu", 1).await;
    other.expect(Change::Slipper(nu));
    assert!(keeper.is_admin);
}

pub async fn the_last_pair_and_the_first_are_told_apart_from_counts(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 5).await, shop.product("Nu", 5).await);
    let keeper: Actor = shop.keeper().await;
    let ear = Ear::at(shop);
    let orders = [shop.order_of(&[(mu, 4), (nu, 1)]).await, shop.order_of(&[(mu, 1), (nu, 1)]).await];
    let heard = ear.heard();
    let of = |slipper: SlipperId| heard.iter().filter(|c| **c == Change::Stock(slipper)).count();
    assert!(heard.contains(&Change::Slipper(mu)), "{heard:?}: it is sold out");
    assert_eq!((of(mu), of(nu)), (1, 2), "{heard:?}");

    shop.move_order(orders[1].id, OrderStatus::Cancelled).await.expect("cancelled");
    let heard = ear.heard();
    assert!(heard.contains(&Change::Slipper(mu)), "{heard:?}: it is back");
    assert!(heard.contains(&Change::Stock(nu)), "{heard:?}");
    shop.delete_order(orders[0].id, keeper, NOW).await.expect("deleted");
    ear.expect(Change::Stock(mu));

    shop.order_of(&[(mu, 5), (nu, 2)]).await;
    ear.expect(Change::Slipper(mu));
    shop.expire_orders(NOW, 10, NOW.plus_seconds(9)).await.expect("expired");
    let heard = ear.heard();
    assert!(heard.contains(&Change::Slipper(mu)), "{heard:?}: time brought it back");
    assert!(heard.contains(&Change::Stock(nu)), "{heard:?}");

    let paid = shop.order_of(&[(mu, 5)]).await;
    shop.move_order(paid.id, OrderStatus::Paid).await.expect("paid");
    ear.heard();
    shop.move_order(paid.id, OrderStatus::Refunded).await.expect("refunded");
    if shop.stock(mu).await > 0 {
        ear.expect(Change::Slipper(mu));
    }
}

/// Passes on that a product was changed.
struct Bell(UnboundedSender<()>);

impl ChangeListener for Bell {
    fn changed(&self, changes: &[Change]) {
        // More may be told than was changed, though not of one product.
        if changes.iter().any(|change| matches!(change, Change::Slipper(_))) {
            // Whoever waited may be gone.
            let _ = self.0.send(());
        }
    }
}

pub async fn who_is_told_sees_the_change(shop: &Shop) {
    let mu = shop.product("Mu", 0).await;
    shop.keeper().await;
    let (bell, mut rings) = unbounded_channel();
    let bell = Arc::new(Bell(bell));
    let listener: Weak<Bell> = Arc::downgrade(&bell);
    shop.listen(listener);
    let writer = tokio::spawn({
        let shop = shop.clone();
        async move {
            for quantity in 1..=100 {
                shop.set(mu, SlipperChange { quantity: Some(quantity), ..SlipperChange::default() }).await;
            }
            drop(bell);
        }
    });
    let mut told = 0;
    while rings.recv().await.is_some() {
        told += 1;
        let seen = shop.stock(mu).await;
        assert!(seen >= told, "change {told} was told, and {seen} is seen");
    }
    assert_eq!(told, 100);
    writer.await.expect("all were made");
}

pub async fn a_change_whose_caller_has_gone_is_told_too(shop: &Shop) {
    let ear = Ear::at(shop);
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let shop = shop.clone();
            let name = format!("Category {number}");
            tokio::spawn(async move { shop.create_category(new_category(&name), NOW).await.map(drop) })
        })
        .collect();
    for (place, task) in tasks.iter().enumerate() {
        for _ in 0..place % 9 {
            yield_now().await;
        }
        task.abort();
    }
    shop.category("Last").await;
    // What is seen was told by then or is told in a moment: nobody waits for those answers.
    let made = shop.list_categories(0, 100).await.expect("a list");
    let mut heard = ear.heard();
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if made.iter().all(|category| heard.contains(&Change::Category(category.id))) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        heard.extend(ear.heard());
    }
    panic!("{made:?} are there, and only {heard:?} was told");
}
