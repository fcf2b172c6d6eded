//! What stories start from: a fixed time, people, goods, carts and orders; and the crowd that acts at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use slippers_core::accounts::{Actor, NewUser, PasswordHash, User};
use slippers_core::cart::Cart;
use slippers_core::catalog::{Category, NewCategory, NewSlipper, Slipper, SlipperChange, SlipperQuery, Sort};
use slippers_core::orders::{
    Order, OrderChange, OrderError, OrderList, OrderQuery, OrderStatus, PlaceError, PlaceFromCart,
};
use slippers_core::payments::PaymentStore;
use slippers_core::types::{CategoryId, Money, OrderId, Page, Phone, SlipperId, Timestamp, UserId};
use slippers_core::{Store, StoreError};
use tokio::sync::{Barrier, OnceCell};

/// The time of every story that does not need another: 2026-11-23T07:17:39.123456Z.
pub const NOW: Timestamp = Timestamp::from_micros(1_795_418_259_123_456);

/// Numbers that no row bears.
pub const NOBODYS: [i64; 6] = [0, -1, i64::MIN, i64::MAX, i64::MAX - 1, 1 << 32];

/// Fails with the value when it is not of the form expected.
macro_rules! assert_is {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {{
        let value = $value;
        assert!(matches!(&value, $pattern $(if $guard)?), "expected {}, got {value:?}", stringify!($pattern));
    }};
}
pub(crate) use assert_is;

/// The shop of one story: a fresh store and the helpers that fill it.
#[derive(Clone)]
pub struct Shop {
    store: Arc<dyn Store>,
    payments: Option<Arc<dyn PaymentStore>>,
    people: Arc<AtomicI64>,
    keeper: Arc<OnceCell<Actor>>,
}

impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").finish_non_exhaustive()
    }
}

impl Deref for Shop {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// All that can be seen of a shop, to prove that a refused call left it as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Everything {
    categories: Vec<Category>,
    slippers: Vec<Slipper>,
    orders: OrderList,
    carts: BTreeMap<UserId, Cart>,
}

/// Every product, by number, without pictures.
pub fn all() -> SlipperQuery {
    SlipperQuery {
        page: Page::new(0, 100),
        category: None,
        search: None,
        sort: Sort::IdAsc,
        with_images: false,
    }
}

/// Everybody's orders.
pub const fn all_orders() -> OrderQuery {
    OrderQuery { of: None, with_outcome: false, before: None, max: 1000 }
}

/// A user's orders.
pub const fn orders_of(user: UserId) -> OrderQuery {
    OrderQuery { of: Some(user), ..all_orders() }
}

/// The usual way to buy: the cart is emptied, no key, no limit that matters.
pub const fn buying(user: UserId) -> PlaceFromCart {
    PlaceFromCart { user, clear_cart: true, idempotency: None, max_open: 0, max_quantity: 500 }
}

/// The same, but the cart keeps its lines.
pub fn keeping(user: UserId) -> PlaceFromCart {
    PlaceFromCart { clear_cart: false, ..buying(user) }
}

/// A category that front-ends show.
pub fn new_category(name: &str) -> NewCategory {
    NewCategory { name: name.to_owned(), description: None, is_active: true }
}

/// Ten pairs at 100 soum in size 39, in no category.
pub fn new_slipper(name: &str) -> NewSlipper {
    NewSlipper {
        name: name.to_owned(),
        size: "39".to_owned(),
        price: Money::from_minor(10_000),
        quantity: 10,
        category: None,
    }
}

/// A user who does not run the shop.
pub fn new_user(name: &str, phone: &str) -> NewUser {
    NewUser {
        name: name.to_owned(),
        surname: "Karimova".to_owned(),
        phone: Phone::parse(phone).expect("a phone number"),
        password: PasswordHash::new(format!("$argon2id$hash of {name}")),
        is_admin: false,
    }
}

/// A wish for another status; a refund gives the stock back.
pub fn to(status: OrderStatus) -> OrderChange {
    OrderChange { status: Some(status), restock: true, ..OrderChange::default() }
}

/// Somebody as the buyer that they are.
pub const fn as_buyer(user: UserId) -> Actor {
    Actor { user, is_admin: false }
}

impl Shop {
    /// A shop over a store that holds nothing.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, payments: None, people: Arc::default(), keeper: Arc::default() }
    }

    /// A shop over a store that holds nothing and keeps payments too.
    pub fn with_payments<S: Store + PaymentStore + 'static>(store: Arc<S>) -> Self {
        let payments: Arc<dyn PaymentStore> = store.clone();
        Self { payments: Some(payments), ..Self::new(store) }
    }

    /// The store itself.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The store's payments.
    pub fn payments(&self) -> &dyn PaymentStore {
        self.payments.as_deref().expect("the store keeps payments: see TestStore::with_payments")
    }

    /// A user of this name with a phone of their own.
    pub async fn user(&self, name: &str) -> User {
        self.person(name, self.next_person()).await
    }

    /// Somebody who buys, with a name and a phone of their own, also where several are made at once.
    pub async fn buyer(&self) -> UserId {
        let number = self.next_person();
        self.person(&format!("Buyer {number}"), number).await.id
    }

    /// A number that nobody has yet.
    fn next_person(&self) -> i64 {
        self.people.fetch_add(1, Ordering::Relaxed)
    }

    /// A user of this name with the phone of this number.
    async fn person(&self, name: &str, number: i64) -> User {
        let phone = format!("+99890{number:07}");
        self.create_user(new_user(name, &phone), NOW).await.expect("a user is made")
    }

    /// Somebody who runs the shop, the same at each call.
    pub async fn keeper(&self) -> Actor {
        let make = || async {
            let new = NewUser { is_admin: true, ..new_user("Shopkeeper", "+998711234567") };
            self.create_user(new, NOW).await.expect("an admin is made").actor()
        };
        *self.keeper.get_or_init(make).await
    }

    /// A category of this name.
    pub async fn category(&self, name: &str) -> CategoryId {
        self.create_category(new_category(name), NOW).await.expect("a category is made").id
    }

    /// The product.
    pub async fn make(&self, new: NewSlipper) -> Slipper {
        self.create_slipper(new, NOW).await.expect("a product is made")
    }

    /// A product of this name with so many pairs.
    pub async fn product(&self, name: &str, stock: i64) -> SlipperId {
        self.make(NewSlipper { quantity: stock, ..new_slipper(name) }).await.id
    }

    /// The product as it is now.
    pub async fn slipper(&self, id: SlipperId) -> Slipper {
        served(|| self.find_slipper(id)).await.expect("the product is there")
    }

    /// The pairs that can still be ordered.
    pub async fn stock(&self, id: SlipperId) -> i64 {
        self.slipper(id).await.quantity
    }

    /// Changes a product in the shopkeeper's name.
    pub async fn set(&self, id: SlipperId, change: SlipperChange) -> Slipper {
        let by = self.keeper().await.user;
        self.update_slipper(id, change, by, NOW.plus_seconds(1)).await.expect("a product is changed")
    }

    /// Takes a product from sale.
    pub async fn pause(&self, id: SlipperId) {
        self.set(id, SlipperChange { is_available: Some(false), ..SlipperChange::default() }).await;
    }

    /// Puts pairs into a cart.
    pub async fn add(&self, user: UserId, slipper: SlipperId, quantity: i64) -> Cart {
        self.add_to_cart(user, slipper, quantity, NOW).await.expect("a product goes into the cart")
    }

    /// The user's cart as it is now.
    pub async fn cart(&self, user: UserId) -> Cart {
        self.open_cart(user, NOW).await.expect("the store answers")
    }

    /// A new buyer with these products in their cart.
    pub async fn buyer_of(&self, lines: &[(SlipperId, i64)]) -> UserId {
        let user = self.buyer().await;
        for (slipper, quantity) in lines {
            self.add(user, *slipper, *quantity).await;
        }
        user
    }

    /// Buys what is in the cart, which is emptied.
    pub async fn buy(&self, user: UserId) -> Result<Order, PlaceError> {
        self.place_from_cart(buying(user), NOW).await
    }

    /// A pending order of a new buyer.
    pub async fn order_of(&self, lines: &[(SlipperId, i64)]) -> Order {
        let user = self.buyer_of(lines).await;
        self.buy(user).await.expect("an order is placed")
    }

    /// The order as it is now.
    pub async fn order(&self, id: OrderId) -> Order {
        served(|| self.find_order(id)).await.expect("the order is there")
    }

    /// Moves an order to a status in the shopkeeper's name.
    pub async fn move_order(&self, id: OrderId, status: OrderStatus) -> Result<Order, OrderError> {
        let keeper = self.keeper().await;
        self.change_order(id, keeper, to(status), NOW.plus_seconds(60)).await
    }

    /// The orders asked for.
    pub async fn orders(&self, query: OrderQuery) -> OrderList {
        served(|| self.list_orders(query)).await
    }

    /// How many products match, as the first page tells.
    pub async fn total(&self, query: SlipperQuery) -> i64 {
        served(|| self.list_slippers(query.clone())).await.total
    }

    /// Every product that matches, gathered page by page.
    pub async fn gather(&self, query: SlipperQuery) -> Vec<Slipper> {
        let mut found = Vec::new();
        loop {
            let skip = i64::try_from(found.len()).expect("few products");
            let page = Page::new(skip, 100);
            let mut items = served(|| self.list_slippers(SlipperQuery { page, ..query.clone() })).await.items;
            if items.is_empty() {
                return found;
            }
            found.append(&mut items);
        }
    }

    /// All that can be seen of the shop, with the carts of these people.
    pub async fn everything(&self, people: &[UserId]) -> Everything {
        let mut carts = BTreeMap::new();
        for user in people {
            carts.insert(*user, self.cart(*user).await);
        }
        Everything {
            categories: self.list_categories(0, 1000).await.expect("the store answers"),
            slippers: self.gather(SlipperQuery { with_images: true, ..all() }).await,
            orders: self.orders(all_orders()).await,
            carts,
        }
    }

    /// Makes `count` calls at the same moment, each in a task of its own, and answers what they answered, in the order
    /// of their numbers from 0.
    pub async fn at_once<T, Call, Run>(&self, count: i64, call: Call) -> Vec<T>
    where
        T: Send + 'static,
        Call: Fn(Shop, i64) -> Run,
        Run: Future<Output = T> + Send + 'static,
    {
        let gate = Arc::new(Barrier::new(usize::try_from(count).expect("a count")));
        let mut tasks = Vec::new();
        for number in 0..count {
            let (gate, run) = (Arc::clone(&gate), call(self.clone(), number));
            tasks.push(tokio::spawn(async move {
                gate.wait().await;
                run.await
            }));
        }
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.expect("the call did not panic"));
        }
        answers
    }

    /// How many statements the call cost.
    pub async fn price_of<T>(&self, call: impl Future<Output = T>) -> u64 {
        let before = self.statements_run();
        call.await;
        self.statements_run() - before
    }
}

/// Numbers that look random and are the same in every run (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A row of numbers for each seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `sides` - 1.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let sides = u64::try_from(sides).expect("few sides");
        usize::try_from((z ^ (z >> 31)) % sides).expect("less than the sides")
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    /// A text of so many of these characters.
    pub fn text(&mut self, alphabet: &[char], length: usize) -> String {
        (0..length).map(|_| self.pick(alphabet)).collect()
    }
}

/// The longest that a condition is waited for; it only turns a hang into a message.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A call of those who look around or work in the background: in a crowd a store may turn them away after a while, before it has
/// begun, and serves them when they ask again.
pub async fn served<T, Asked>(ask: impl Fn() -> Asked) -> T
where
    Asked: Future<Output = Result<T, StoreError>>,
{
    let begun = Instant::now();
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_)) if begun.elapsed() < PATIENCE => {
                // As somebody who was told to come again, only sooner.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            answer => return answer.expect("the store answers"),
        }
    }
}
