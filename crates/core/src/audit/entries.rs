//! What is recorded of each action.

use super::{By, Entry, Fact};
use crate::accounts::UserChange;
use crate::catalog::{CategoryChange, NewCategory, NewSlipper, SlipperChange};
use crate::orders::OrderChange;
use crate::outbox::Target;
use crate::types::{CategoryId, DeliveryId, Money, OrderId, ResetId, SlipperId, UserId};

const CATEGORY: &str = "category";
const SLIPPER: &str = "slipper";
const ORDER: &str = "order";
const USER: &str = "user";
const DELIVERY: &str = "delivery";

type Field = Option<(&'static str, Fact)>;

fn text(name: &'static str, value: Option<&String>) -> Field {
    value.map(|value| (name, Fact::Text(value.clone())))
}

fn number(name: &'static str, value: Option<i64>) -> Field {
    value.map(|value| (name, Fact::Number(value)))
}

fn flag(name: &'static str, value: Option<bool>) -> Field {
    value.map(|value| (name, Fact::Flag(value)))
}

fn changed(name: &'static str, is_changed: bool) -> Field {
    is_changed.then_some((name, Fact::Changed))
}

fn category_of(value: Option<CategoryId>) -> Fact {
    value.map_or(Fact::Gone, |id| Fact::Number(id.get()))
}

fn text_or_gone(value: Option<&String>) -> Fact {
    value.map_or(Fact::Gone, |value| Fact::Text(value.clone()))
}

impl Entry {
    fn of<const N: usize>(
        by: By,
        action: &'static str,
        subject: &'static str,
        id: i64,
        fields: [Field; N],
    ) -> Self {
        Self { by, action, subject, id: Some(id), change: fields.into_iter().flatten().collect() }
    }

    /// A category was made.
    pub fn category_created(by: By, id: CategoryId, new: &NewCategory) -> Self {
        let fields = [text("name", Some(&new.name)), flag("is_active", Some(new.is_active))];
        Self::of(by, "create", CATEGORY, id.get(), fields)
    }

    /// A category was changed.
    pub fn category_updated(by: By, id: CategoryId, change: &CategoryChange) -> Self {
        let description = change.description.as_ref().map(|to| ("description", text_or_gone(to.as_ref())));
        let fields = [text("name", change.name.as_ref()), description, flag("is_active", change.is_active)];
        Self::of(by, "update", CATEGORY, id.get(), fields)
    }

    /// A category was deleted.
    pub fn category_deleted(by: By, id: CategoryId) -> Self {
        Self::of(by, "delete", CATEGORY, id.get(), [])
    }

    /// A product was made.
    pub fn slipper_created(by: By, id: SlipperId, new: &NewSlipper) -> Self {
        let fields = [
            text("name", Some(&new.name)),
            text("size", Some(&new.size)),
            number("price_minor", Some(new.price.minor())),
            number("quantity", Some(new.quantity)),
            number("category_id", new.category.map(CategoryId::get)),
        ];
        Self::of(by, "create", SLIPPER, id.get(), fields)
    }

    /// A product was changed.
    pub fn slipper_updated(by: By, id: SlipperId, change: &SlipperChange) -> Self {
        let fields = [
            text("name", change.name.as_ref()),
            text("size", change.size.as_ref()),
            number("price_minor", change.price.map(Money::minor)),
            number("quantity", change.quantity),
            text("image", change.image.as_ref()),
            change.category.map(|to| ("category_id", category_of(to))),
            flag("is_available", change.is_available),
        ];
        Self::of(by, "update", SLIPPER, id.get(), fields)
    }

    /// A product was deleted.
    pub fn slipper_deleted(by: By, id: SlipperId) -> Self {
        Self::of(by, "delete", SLIPPER, id.get(), [])
    }

    /// An order was changed.
    pub fn order_updated(by: By, id: OrderId, change: &OrderChange) -> Self {
        let status = change.status.map(|status| ("status", Fact::Text(status.as_str().to_owned())));
        let restock = change.status.map(|_| ("restock", Fact::Flag(change.restock)));
        Self::of(by, "update", ORDER, id.get(), [status, restock, changed("notes", change.notes.is_some())])
    }

    /// An order was deleted.
    pub fn order_deleted(by: By, id: OrderId) -> Self {
        Self::of(by, "delete", ORDER, id.get(), [])
    }

    /// A user was made who runs the shop.
    pub fn admin_created(by: By, id: UserId) -> Self {
        Self::of(by, "create", USER, id.get(), [flag("is_admin", Some(true))])
    }

    /// A user was changed.
    pub fn user_updated(by: By, id: UserId, change: &UserChange) -> Self {
        let fields = [
            changed("name", change.name.is_some()),
            changed("surname", change.surname.is_some()),
            changed("phone_number", change.phone.is_some()),
            flag("is_admin", change.is_admin),
        ];
        Self::of(by, "update", USER, id.get(), fields)
    }

    /// A user was deleted.
    pub fn user_deleted(by: By, id: UserId) -> Self {
        Self::of(by, "delete", USER, id.get(), [])
    }

    /// A user got another password.
    pub fn password_reset(by: By, id: UserId) -> Self {
        Self::of(by, "reset_password", USER, id.get(), [])
    }

    /// A user got the new password that waited under this number.
    pub fn reset_approved(by: By, user: UserId, reset: ResetId) -> Self {
        Self::of(by, "approve_reset", USER, user.get(), [number("reset_id", Some(reset.get()))])
    }

    /// A user did not get the new password that waited under this number.
    pub fn reset_refused(by: By, user: UserId, reset: ResetId) -> Self {
        Self::of(by, "refuse_reset", USER, user.get(), [number("reset_id", Some(reset.get()))])
    }

    /// A dead letter to this target is delivered anew.
    pub fn delivery_replayed(by: By, id: DeliveryId, target: &Target) -> Self {
        Self::of(by, "replay", DELIVERY, id.get(), [text("target", Some(&target.as_str().to_owned()))])
    }

    /// The catalogue was stocked.
    pub fn catalog_stocked(by: By, products: i64) -> Self {
        let change = vec![("products", Fact::Number(products))];
        Self { by, action: "stock", subject: "catalog", id: None, change }
    }
}
