//! What each operation of the API costs the database, in statements. One that is new needs a line here.

#[path = "operations_payments.rs"]
mod payments;

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};
use slippers_core::accounts::{NewReset, NewUser, PasswordHash};
use slippers_core::outbox::{EventKind, Outcome, Subscription, Target};
use slippers_core::types::{Phone, UserId};
use slippers_server::accounts::passwords::hash_password;
use slippers_server::settings::Settings;
use slippers_server::{Message, Notifier, NotifyError, Recipient, SystemEntropy};

use crate::house::{House, PASSWORD, eventually, least_of};
use crate::paying::Gateways;

/// A shop in which everything can be asked for, however often.
struct Scene {
    house: House,
    admin: String,
    buyer: String,
    refresh: Mutex<String>,
    hash: PasswordHash,
    post: Arc<Post>,
    next: AtomicU32,
    gateways: Gateways,
}

/// Keeps what would be sent.
#[derive(Default)]
struct Post(Mutex<Vec<Message>>);

#[async_trait]
impl Notifier for Post {
    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        self.0.lock().expect("the post").push(message.clone());
        Ok(())
    }
}

/// A request: its token, its path and its body.
struct Asked(String, String, Body);

enum Body {
    Json(Value),
    Picture,
    /// A call of Payme's.
    Payme(Value),
    /// A form of Click's.
    Form(String),
}

type Prepare = fn(&Scene) -> Asked;

/// An operation, its statements, and how it is asked for.
type Row = (&'static str, u64, Prepare);

impl Scene {
    fn open() -> Self {
        let post = Arc::new(Post::default());
        let gateways = Gateways::open();
        let change = |settings: &mut Settings| {
            settings.cache.max_bytes = 0;
            settings.payments = gateways.settings();
        };
        let house = House::open_with(change, Some(post.clone()));
        let admin = house.admin();
        let (buyer, refresh) = house.customer("Dilnoza");
        let hash = hash_password(PASSWORD, &SystemEntropy).expect("a hash");
        house.put_file("a.txt", 10);
        let (refresh, next) = (Mutex::new(refresh), AtomicU32::new(0));
        Self { house, admin, buyer, refresh, hash, post, next, gateways }
    }

    fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Somebody new, by number and name.
    fn person(&self) -> (i64, String) {
        let name = format!("Person {}", self.number());
        let phone = Phone::parse(&format!("+99893{:07}", self.number())).expect("a phone");
        let password = self.hash.clone();
        let new = NewUser { name: name.clone(), surname: "Li".into(), phone, password, is_admin: false };
        let made = self.house.block_on(self.house.store().create_user(new, self.house.now()));
        (made.expect("somebody").id.get(), name)
    }

    fn product(&self) -> i64 {
        self.house.product(&format!("Model {}", self.number()), 1000)
    }

    fn category(&self) -> i64 {
        let body = json!({"name": format!("Category {}", self.number())});
        self.house.call(&self.admin, "POST", "/categories/", &body)["id"].as_i64().expect("an id")
    }

    /// A product with two pictures: the product and the second picture.
    fn picture(&self) -> (i64, i64) {
        let slipper = self.product();
        let path = format!("/slippers/{slipper}/upload-images/");
        for _ in 0..2 {
            upload(&self.house, &self.admin, &path);
        }
        let images = self.house.get("", &format!("/slippers/{slipper}/images"));
        (slipper, images["images"][1]["id"].as_i64().expect("a picture"))
    }

    /// A line in the cart, by number.
    fn line(&self) -> i64 {
        let added = json!({"slipper_id": self.product(), "quantity": 1});
        self.house.call(&self.buyer, "POST", "/cart/items", &added);
        let cart = self.house.get(&self.buyer, "/cart");
        cart["items"].as_array().and_then(|items| items.last()?["id"].as_i64()).expect("a line")
    }

    fn order(&self) -> String {
        self.house.order(&self.buyer, self.product(), 1)
    }

    /// An event that somebody could not be told of. The shop's own work may forget it first: nobody here wants any.
    fn dead_letter(&self) -> i64 {
        let (store, target) = (self.house.store(), Target::new("nobody"));
        let wants = || Subscription { kind: EventKind::OrderPlaced, target: target.clone() };
        eventually("a dead letter", || {
            self.order();
            let now = self.house.now();
            self.house.block_on(store.spread_events(vec![wants()], 100, now)).expect("they are given out");
            let claimed =
                self.house.block_on(store.claim_deliveries(target.clone(), 1, now)).expect("a list");
            let delivery = claimed.first()?;
            let refused = Outcome::Refused { error: "no".to_owned() };
            let end = store.end_attempt(delivery.id, delivery.attempt, refused, now);
            self.house.block_on(end).expect("an end").then(|| delivery.id.get())
        })
    }

    /// A new password that waits for an admin, by number.
    fn reset(&self) -> i64 {
        let (_, name) = self.person();
        let reset = NewReset { password: self.hash.clone(), code: None };
        let store = self.house.store();
        self.house.block_on(store.request_reset(&name, reset, self.house.now())).expect("it waits");
        let waiting = self.house.block_on(store.list_resets(1000, self.house.now())).expect("a list");
        waiting.last().expect("it is listed").id.get()
    }

    /// Somebody whose new password waits for a code, and the code.
    fn code(&self) -> (String, String) {
        let (id, name) = self.person();
        let person = self.house.block_on(self.house.store().find_user(UserId::new(id))).expect("an answer");
        let phone = person.expect("somebody").phone;
        self.house.call("", "POST", "/auth/forgot-password", &forgotten(&name));
        // Others' codes may be on their way yet.
        let text = eventually("a code", || {
            let post = self.post.0.lock().expect("the post");
            let is_theirs = |message: &&Message| message.to == Recipient::Person(phone.clone());
            post.iter().find(is_theirs).map(|message| message.text.clone())
        });
        (name, text.chars().filter(char::is_ascii_digit).take(8).collect())
    }
}

fn forgotten(name: &str) -> Value {
    json!({"name": name, "new_password": PASSWORD, "confirm_new_password": PASSWORD})
}

fn upload(house: &House, token: &str, path: &str) -> Value {
    let mut png = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(8, 8).write_to(&mut png, ImageFormat::Png).expect("a picture");
    let head = "--frontier\r\ncontent-disposition: form-data; name=\"images\"; filename=\"a.png\"\r\n\r\n";
    let body = [head.as_bytes(), png.get_ref(), b"\r\n--frontier--\r\n"].concat();
    let answer = house.send_bytes(token, "POST", path, "multipart/form-data; boundary=frontier", body);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

fn anyone(path: &str) -> Asked {
    Asked(String::new(), path.into(), Body::Json(Value::Null))
}

fn post(path: &str, body: Value) -> Asked {
    Asked(String::new(), path.into(), Body::Json(body))
}

fn buyer(scene: &Scene, path: impl Into<String>, body: Value) -> Asked {
    Asked(scene.buyer.clone(), path.into(), Body::Json(body))
}

fn admin(scene: &Scene, path: impl Into<String>, body: Value) -> Asked {
    Asked(scene.admin.clone(), path.into(), Body::Json(body))
}

/// Every operation with its statements, where the caller is known already: that they are looked up costs one more, once
/// a second.
const OPERATIONS: &[Row] = &[
    ("GET /", 0, |_| anyone("/")),
    ("GET /health", 1, |_| anyone("/health")),
    ("GET /health/live", 0, |_| anyone("/health/live")),
    ("GET /health/ready", 1, |_| anyone("/health/ready")),
    ("GET /admin/db-pool-status", 0, |s| admin(s, "/admin/db-pool-status", Value::Null)),
    ("GET /openapi.json", 0, |_| anyone("/openapi.json")),
    ("GET /docs", 0, |_| anyone("/docs")),
    ("GET /redoc", 0, |_| anyone("/redoc")),
    ("GET /static/{path}", 0, |_| anyone("/static/a.txt")),
    ("POST /auth/register", 8, |s| {
        let (name, phone) = (format!("New {}", s.number()), format!("+99894{:07}", s.number()));
        post(
            "/auth/register",
            json!({"name": name, "surname": "Li", "phone_number": phone,
            "password": PASSWORD, "confirm_password": PASSWORD}),
        )
    }),
    ("POST /auth/login", 3, |_| post("/auth/login", json!({"name": "Dilnoza", "password": PASSWORD}))),
    ("POST /auth/refresh", 3, |s| {
        let mut refresh = s.refresh.lock().expect("a token");
        *refresh = s.house.refresh(&refresh).tokens().1;
        // Inside the leeway another successor is issued.
        post("/auth/refresh", json!({"refresh_token": *refresh}))
    }),
    ("POST /auth/logout", 1, |s| {
        Asked(s.house.login("Dilnoza"), "/auth/logout".into(), Body::Json(Value::Null))
    }),
    ("POST /auth/forgot-password", 2, |s| post("/auth/forgot-password", forgotten(&s.person().1))),
    ("POST /auth/confirm-reset", 4, |s| {
        let (name, code) = s.code();
        post("/auth/confirm-reset", json!({"name": name, "code": code}))
    }),
    ("GET /admin/password-resets/", 1, |s| admin(s, "/admin/password-resets/", Value::Null)),
    ("POST /admin/password-resets/{reset_id}/approve", 5, |s| {
        admin(s, format!("/admin/password-resets/{}/approve", s.reset()), Value::Null)
    }),
    ("POST /admin/password-resets/{reset_id}/refuse", 2, |s| {
        admin(s, format!("/admin/password-resets/{}/refuse", s.reset()), Value::Null)
    }),
    ("GET /users/me", 0, |s| buyer(s, "/users/me", Value::Null)),
    ("PUT /users/me", 7, |s| {
        buyer(s, "/users/me", json!({"phone_number": format!("+99895{:07}", s.number())}))
    }),
    ("GET /users/", 2, |s| admin(s, "/users/", Value::Null)),
    ("GET /users/{user_id}", 1, |s| admin(s, "/users/1", Value::Null)),
    ("PUT /users/{user_id}", 5, |s| admin(s, format!("/users/{}", s.person().0), json!({"is_admin": false}))),
    ("DELETE /users/{user_id}", 8, |s| admin(s, format!("/users/{}", s.person().0), Value::Null)),
    ("GET /categories/", 1, |_| anyone("/categories/")),
    ("GET /categories/{category_id}", 1, |s| anyone(&format!("/categories/{}", s.category()))),
    ("POST /categories/", 2, |s| {
        admin(s, "/categories/", json!({"name": format!("Category {}", s.number())}))
    }),
    ("PUT /categories/{category_id}", 3, |s| {
        admin(s, format!("/categories/{}", s.category()), json!({"description": "Soft"}))
    }),
    ("DELETE /categories/{category_id}", 3, |s| {
        admin(s, format!("/categories/{}", s.category()), Value::Null)
    }),
    // The count, what stands there, and the product that is new.
    ("GET /slippers/", 3, |s| {
        s.product();
        anyone("/slippers/")
    }),
    ("GET /slippers/{slipper_id}", 1, |s| anyone(&format!("/slippers/{}", s.product()))),
    ("POST /slippers/", 6, |s| {
        let name = format!("Model {}", s.number());
        admin(s, "/slippers/", json!({"name": name, "size": "39", "price": 25, "quantity": 1}))
    }),
    ("PUT /slippers/{slipper_id}", 4, |s| {
        admin(s, format!("/slippers/{}", s.product()), json!({"price": 30}))
    }),
    ("DELETE /slippers/{slipper_id}", 10, |s| admin(s, format!("/slippers/{}", s.product()), Value::Null)),
    ("GET /slippers/{slipper_id}/images", 1, |s| anyone(&format!("/slippers/{}/images", s.picture().0))),
    ("POST /slippers/{slipper_id}/upload-images/", 5, |s| {
        Asked(s.admin.clone(), format!("/slippers/{}/upload-images/", s.product()), Body::Picture)
    }),
    ("PUT /slippers/{slipper_id}/images/{image_id}", 5, |s| {
        let (slipper, image) = s.picture();
        admin(s, format!("/slippers/{slipper}/images/{image}"), json!({"is_primary": true}))
    }),
    ("DELETE /slippers/{slipper_id}/images/{image_id}", 9, |s| {
        let (slipper, image) = s.picture();
        admin(s, format!("/slippers/{slipper}/images/{image}"), Value::Null)
    }),
    ("PUT /slippers/{slipper_id}/images/{image_id}/set-primary", 5, |s| {
        let (slipper, image) = s.picture();
        admin(s, format!("/slippers/{slipper}/images/{image}/set-primary"), Value::Null)
    }),
    ("POST /slippers/{slipper_id}/images/{image_id}/set-primary", 5, |s| {
        let (slipper, image) = s.picture();
        admin(s, format!("/slippers/{slipper}/images/{image}/set-primary"), Value::Null)
    }),
    ("GET /cart", 1, |s| buyer(s, "/cart", Value::Null)),
    ("GET /cart/total", 1, |s| buyer(s, "/cart/total", Value::Null)),
    ("POST /cart/items", 3, |s| buyer(s, "/cart/items", json!({"slipper_id": s.product(), "quantity": 1}))),
    ("PUT /cart/items/{cart_item_id}", 4, |s| {
        buyer(s, format!("/cart/items/{}", s.line()), json!({"quantity": 2}))
    }),
    ("DELETE /cart/items/{cart_item_id}", 4, |s| buyer(s, format!("/cart/items/{}", s.line()), Value::Null)),
    ("DELETE /cart/clear", 4, |s| {
        s.line();
        buyer(s, "/cart/clear", Value::Null)
    }),
    ("POST /orders/from-cart", 8, |s| {
        s.order();
        s.line();
        buyer(s, "/orders/from-cart", Value::Null)
    }),
    ("GET /orders/", 2, |s| buyer(s, "/orders/", Value::Null)),
    ("GET /orders/{order_id}", 1, |s| buyer(s, format!("/orders/{}", s.order()), Value::Null)),
    ("PUT /orders/{order_id}", 2, |s| {
        buyer(s, format!("/orders/{}", s.order()), json!({"notes": "Ring twice"}))
    }),
    ("DELETE /orders/{order_id}", 10, |s| admin(s, format!("/orders/{}", s.order()), Value::Null)),
    ("GET /admin/dead-letters/", 1, |s| admin(s, "/admin/dead-letters/", Value::Null)),
    ("POST /admin/dead-letters/{delivery_id}/replay", 2, |s| {
        admin(s, format!("/admin/dead-letters/{}/replay", s.dead_letter()), Value::Null)
    }),
    ("GET /admin/audit/", 1, |s| admin(s, "/admin/audit/", Value::Null)),
];

/// The statements of one request. Background work looks at the clock in between, so the least of several trials counts: as many as are
/// needed until it is no more than was expected, at most six.
fn cost(scene: &Scene, method: &str, expected: u64, prepare: Prepare) -> u64 {
    let house = &scene.house;
    let trial = |_| {
        let Asked(token, path, body) = prepare(scene);
        if !token.is_empty() {
            house.get(&token, "/users/me");
        }
        let before = house.store().statements_run();
        match body {
            Body::Json(body) => drop(house.call(&token, method, &path, &body)),
            Body::Picture => drop(upload(house, &token, &path)),
            call => drop(payments::ask(house, method, &path, call)),
        }
        if path == "/auth/forgot-password" {
            // It answers before it asks the database, so that its time tells nothing.
            let asked = || house.store().statements_run() - before;
            return eventually("a reset", || Some(asked()).filter(|cost| *cost >= expected));
        }
        house.store().statements_run() - before
    };
    least_of(6, expected, trial)
}

#[test]
fn every_operation_costs_the_database_what_is_told_here() {
    let scene = Scene::open();
    let mut wrong = Vec::new();
    for (operation, expected, prepare) in OPERATIONS.iter().chain(payments::OPERATIONS) {
        let (method, _) = operation.split_once(' ').expect("a method");
        let found = cost(&scene, method, *expected, *prepare);
        if found != *expected {
            wrong.push(format!("{operation}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_operation_lacks_its_cost() {
    let document: Value = serde_json::from_str(&slippers_server::openapi_json()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let served: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let told = OPERATIONS.iter().chain(payments::OPERATIONS);
    let told: BTreeSet<String> = told.map(|(operation, ..)| (*operation).to_owned()).collect();
    assert_eq!(served, told);
}
