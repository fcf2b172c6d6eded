//! What `serve --demo` does to an empty shop.

use std::sync::Arc;

use slippers_core::Store;
use slippers_core::accounts::{AccountError, NewUser};
use slippers_core::types::Phone;
use slippers_server::Entropy;

use super::{admin, seed};
use crate::config::Config;
use crate::failure::Failure;
use crate::password::Password;
use crate::stock::demo::DemoGoods;
use crate::stock::picture_files;
use crate::wire;

const ADMIN: &str = "Admin";
/// A number that nobody has: Uzbek numbers begin with +998 and an operator's code, and 00 is none.
const ADMIN_PHONE: &str = "+998000000001";

/// What the demo did.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The shop has goods of its own.
    LeftAlone,
    /// The shop was stocked; there were admins already, or there is a new one, whose password is known only here.
    Stocked(Option<(&'static str, Password)>),
}

/// Stocks the shop when its catalogue is empty, and makes an admin when there is none.
pub(super) async fn open(
    config: &Config,
    store: &dyn Store,
    entropy: &dyn Entropy,
) -> Result<Outcome, Failure> {
    if !seed::is_empty(store).await? {
        return Ok(Outcome::LeftAlone);
    }
    tracing::info!("stocking the shop for the demo; its pictures are drawn first");
    picture_files::draw_all(&DemoGoods::looks(), &config.images_dir())?;
    // The admin first: should the program end in between, the next start finds an empty catalogue and tries again.
    let admin = make_admin(store, entropy).await?;
    seed::stock(config, store, Arc::new(DemoGoods)).await?;
    Ok(Outcome::Stocked(admin))
}

async fn make_admin(
    store: &dyn Store,
    entropy: &dyn Entropy,
) -> Result<Option<(&'static str, Password)>, Failure> {
    if !store.list_admins().await?.is_empty() {
        return Ok(None);
    }
    let password = Password::random(entropy).map_err(|error| {
        Failure::failed(format!("the system has no randomness to give: {error}"), "try again")
    })?;
    let phone = Phone::parse(ADMIN_PHONE).map_err(|error| Failure::failed(error, "report it"))?;
    let new = NewUser {
        name: ADMIN.to_owned(),
        surname: "Slippers".to_owned(),
        phone,
        password: admin::hashed(&password, entropy)?,
        is_admin: true,
    };
    match store.create_user(new, wire::clock().now()).await {
        Ok(_) => Ok(Some((ADMIN, password))),
        Err(AccountError::Store(error)) => Err(error.into()),
        Err(error) => {
            // Somebody has the name or the phone already: their account is not ours to take over.
            tracing::warn!(%error, "no demo admin was made: {error}; use `slippers admin create`");
            Ok(None)
        }
    }
}
