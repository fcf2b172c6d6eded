//! A shop in which there is one of everything, and four people who may do different things.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::gateways;
use crate::pictures::{form, png};
use crate::shop::{ADMIN_PASSWORD, Answer, Caller, PASSWORD, Shop, eventually};

/// Who calls, in the order of every table that has a column for each.
pub(crate) const ROLES: [&str; 4] = ["anonymous", "customer", "other customer", "admin"];
const NAMES: [(&str, &str); 3] = [("Customer", PASSWORD), ("Other", PASSWORD), ("Admin", ADMIN_PASSWORD)];

/// What a row of a table sends instead of a text.
pub(crate) const A_PICTURE: &str = "<a form with a picture>";

/// The shop, its people, and what the parameters of paths and bodies stand for now.
pub(crate) struct Scene {
    pub(crate) shop: Shop,
    callers: [Option<Caller>; 4],
    values: BTreeMap<&'static str, String>,
}

impl Scene {
    pub(crate) fn open() -> Self {
        Self::open_with(&[])
    }

    pub(crate) fn open_with(settings: &[(&str, &str)]) -> Self {
        // Every event becomes a dead letter: its receiver is gone for good.
        let receiver = format!("http://{}/", gateways::always(410).address);
        let settings = [
            &[
                ("ORDER_MAX_OPEN", "0"),
                ("WEBHOOK_URLS", &receiver),
                ("WEBHOOK_SECRETS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                ("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8"),
            ],
            settings,
        ]
        .concat();
        let shop = Shop::open_with(&settings);
        let admin = shop.admin();
        let [customer, other] = ["Customer", "Other"].map(|name| Some(shop.customer(name)));
        let mut scene = Self { shop, callers: [None, customer, other, Some(admin)], values: BTreeMap::new() };
        scene.prepare("");
        scene
    }

    pub(crate) fn customer(&self) -> &Caller {
        self.caller(1)
    }

    pub(crate) fn admin(&self) -> &Caller {
        self.caller(3)
    }

    /// One of [`ROLES`] but the first.
    pub(crate) fn caller(&self, role: usize) -> &Caller {
        self.callers[role].as_ref().expect("signed in")
    }

    /// What a parameter stands for now.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.get(name).unwrap_or_else(|| panic!("nothing stands for {name}"))
    }

    /// Puts everything in place that calls may have used up, and what else `text` names in braces: a product with a
    /// picture in a category, a line in the customer's cart, an order of theirs, somebody to be managed.
    pub(crate) fn prepare(&mut self, text: &str) {
        self.sign_in_again();
        let customer = self.customer().clone();
        let number = next_number();
        let category = self.shop.category(self.admin(), &format!("Shelf {number}"));
        let slipper = self.shop.product(self.admin(), &format!("Model {number}"), &json!(25.5), 50);
        let uploaded = self.shop.upload(self.admin(), slipper, &[("a.png", &png())]).expect(200).json();
        let path = uploaded["uploaded_images"][0]["image_path"].as_str().expect("a path");
        let pictures = self.shop.get(&format!("/slippers/{slipper}/images")).expect(200).json();
        for caller in self.callers.iter().flatten() {
            self.shop.call(caller, "DELETE", "/cart/clear", &Value::Null).expect(200);
        }
        self.shop.put_in_cart(&customer, slipper, 1);
        let placed = self.shop.call(&customer, "POST", "/orders/from-cart?clear_cart=true", &Value::Null);
        let order = placed.expect(200).json()["order_id"].as_str().expect("a number").to_owned();
        self.shop.put_in_cart(&customer, slipper, 2);
        let cart = self.shop.call(&customer, "GET", "/cart", &Value::Null).expect(200).json();
        let mut values = vec![
            ("category_id", category.to_string()),
            ("slipper_id", slipper.to_string()),
            ("image_id", pictures["images"][0]["id"].to_string()),
            ("path", path.trim_start_matches("/static/").to_owned()),
            ("cart_item_id", cart["items"][0]["id"].to_string()),
            ("order_id", order),
        ];
        if text.contains("{payment_id}") {
            values.push(("payment_id", self.recorded_payment(slipper)));
        }
        if text.contains("{user_id}") || text.contains("{reset_id}") {
            values.extend(self.somebody(text.contains("{reset_id}")));
        }
        if text.contains("{delivery_id}") {
            let letter = || self.see("/admin/dead-letters/?max=1")[0]["id"].as_i64();
            values.push(("delivery_id", eventually("a dead letter", letter).to_string()));
        }
        self.values.extend(values);
    }

    /// A payment of another order, which an admin recorded by hand.
    fn recorded_payment(&self, slipper: i64) -> String {
        let admin = self.admin();
        self.shop.put_in_cart(admin, slipper, 1);
        let placed = self.shop.call(admin, "POST", "/orders/from-cart?clear_cart=true", &Value::Null);
        let order = placed.expect(200).json()["order_id"].as_str().expect("a number").to_owned();
        let paid = json!({"status": "PAID"});
        self.shop.call(admin, "PUT", &format!("/orders/{order}"), &paid).expect(200);
        self.see(&format!("/payments/?order_id={order}"))[0]["id"].to_string()
    }

    /// Somebody to be managed, who may have forgotten their password.
    fn somebody(&self, forgets: bool) -> Vec<(&'static str, String)> {
        let name = format!("Somebody {}", next_number());
        self.shop.customer(&name);
        let users = self.see("/users/?limit=1");
        let mut values = vec![("user_id", users["items"][0]["id"].to_string())];
        if forgets {
            let new = "a-new-password-1";
            let body = json!({"name": name, "new_password": new, "confirm_new_password": new});
            self.shop.post("/auth/forgot-password", &body).expect(200);
            let waiting = || {
                let all = self.see("/admin/password-resets/");
                let mut all = all.as_array().expect("a list").iter();
                all.find(|reset| reset["name"] == name.as_str()).map(|reset| reset["id"].to_string())
            };
            values.push(("reset_id", eventually("the reset waits", waiting)));
        }
        values
    }

    fn see(&self, path: &str) -> Value {
        self.shop.call(self.admin(), "GET", path, &Value::Null).expect(200).json()
    }

    /// A call may have ended its caller's session.
    fn sign_in_again(&mut self) {
        for (caller, (name, password)) in self.callers.iter_mut().skip(1).zip(NAMES) {
            let present = caller.as_ref().expect("signed in");
            if self.shop.call(present, "GET", "/users/me", &Value::Null).status == 401 {
                *caller = Some(self.shop.login(name, password));
            }
        }
    }

    /// Puts what they stand for in the place of the names in braces.
    pub(crate) fn fill(&self, role: usize, text: &str) -> String {
        let refresh = self.callers[role].as_ref().map_or("", |caller| caller.refresh.as_str());
        let number = next_number();
        let text = text.replace("{refresh}", refresh).replace("{new}", &format!("{number}"));
        self.values.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// A call of one of [`ROLES`]; the operation is "METHOD path", an empty body is none.
    pub(crate) fn call(&self, role: usize, operation: &str, body: &str) -> Answer {
        let (method, path) = operation.split_once(' ').expect("METHOD path");
        self.send(role, method, &self.fill(role, path), &self.fill(role, body))
    }

    /// The same with everything filled in.
    pub(crate) fn send(&self, role: usize, method: &str, path: &str, body: &str) -> Answer {
        let caller = self.callers[role].as_ref();
        if body == A_PICTURE {
            let slipper = self.value("slipper_id").parse().expect("an id");
            return self.shop.send_form(caller, slipper, &form(&[("images", Some("a.png"), &png())]));
        }
        let bearer = caller.map(|caller| format!("Bearer {}", caller.access));
        let mut headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.shop.send(method, path, &headers, (!body.is_empty()).then_some(body.as_bytes()))
    }

    /// All that anybody can see of what the shop keeps, and its files.
    pub(crate) fn everything(&self) -> Vec<String> {
        let see = |role: usize, path: &str| self.send(role, "GET", path, "").expect(200).text();
        let mut all: Vec<_> = (1..=3)
            .flat_map(|role| ["/users/me", "/cart", "/orders/"].map(|path| see(role, path)))
            .chain(
                [
                    "/categories/?limit=100",
                    "/slippers/?limit=100",
                    "/users/?limit=100",
                    "/orders/?max=1000",
                    "/payments/?max=1000",
                    "/admin/audit/?max=1000",
                    "/admin/password-resets/",
                ]
                .map(|path| see(3, path)),
            )
            .collect();
        all.extend(self.shop.picture_files());
        all
    }
}

fn next_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(100);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Every operation of the document that a running shop serves, as "METHOD path".
pub(crate) fn operations(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().expect("operations");
            let known = item.keys().filter(|key| methods.contains(&key.as_str()));
            known.map(move |method| format!("{} {path}", method.to_ascii_uppercase())).collect::<Vec<_>>()
        })
        .collect()
}
