//! `slippers admin …`

use slippers_core::accounts::{AccountError, NewUser};
use slippers_core::{Store, types::Timestamp};
use slippers_server::Entropy;
use slippers_server::accounts::passwords::hash_password;

use crate::cli::Admin;
use crate::config::Config;
use crate::console;
use crate::failure::Failure;
use crate::password::{self, Password};
use crate::wire;

pub(super) fn run(config: &Config, what: Admin) -> Result<(), Failure> {
    // A password that is missing or too short is told before the database is touched.
    let (what, password) = match what {
        Admin::Create { name, surname, phone, password_stdin } => {
            let password = password::from_stdin(password_stdin, "admin create --name NAME --phone PHONE")?;
            (Admin::Create { name, surname, phone, password_stdin }, Some(password))
        }
        Admin::ResetPassword { name, password_stdin } => {
            let password = password::from_stdin(password_stdin, "admin reset-password --name NAME")?;
            (Admin::ResetPassword { name, password_stdin }, Some(password))
        }
        Admin::List => (Admin::List, None),
    };
    let runtime = wire::runtime(1)?;
    let _inside = runtime.enter();
    let store = wire::open_store(config, &runtime)?;
    let (entropy, now) = (wire::entropy(), wire::clock().now());
    let lines = runtime.block_on(act(&*store, what, password, &*entropy, now))?;
    lines.iter().for_each(|line| console::say(line));
    Ok(())
}

/// Does it, and tells what to say.
async fn act(
    store: &dyn Store,
    what: Admin,
    password: Option<Password>,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    match (what, password) {
        (Admin::Create { name, surname, phone, .. }, Some(password)) => {
            let password = hashed(&password, entropy)?;
            let new = NewUser { name, surname, phone, password, is_admin: true };
            let admin = store.create_user(new, now).await.map_err(refused)?;
            Ok(vec![format!("{} is an admin now (user {}).", admin.name, admin.id)])
        }
        (Admin::ResetPassword { name, .. }, Some(password)) => {
            store.reset_password(&name, hashed(&password, entropy)?, now).await.map_err(refused)?;
            Ok(vec![format!("{name} has a new password; all of their sessions are ended.")])
        }
        _ => {
            let admins = store.list_admins().await?;
            if admins.is_empty() {
                return Ok(vec![
                    "There is no admin yet; `slippers admin create --help` tells how to make one.".into(),
                ]);
            }
            let line = |id: &str, name: &str, phone: &str| format!("{id:<8} {name:<32} {phone}");
            let mut lines = vec![line("ID", "NAME", "PHONE")];
            lines.extend(admins.iter().map(|admin| {
                line(
                    &admin.id.to_string(),
                    &format!("{} {}", admin.name, admin.surname),
                    admin.phone.as_str(),
                )
            }));
            Ok(lines)
        }
    }
}

/// Hashes on this thread: a command has nothing else to do.
pub(super) fn hashed(
    password: &Password,
    entropy: &dyn Entropy,
) -> Result<slippers_core::accounts::PasswordHash, Failure> {
    hash_password(password.as_str(), entropy)
        .map_err(|error| Failure::failed(format!("the password can't be hashed: {error}"), "try again"))
}

fn refused(error: AccountError) -> Failure {
    let fix = match &error {
        AccountError::NameTaken => {
            "choose another --name, or give that user a new password: slippers admin reset-password"
        }
        AccountError::PhoneTaken => "give another --phone",
        AccountError::NotFound => "see who there is with `slippers admin list`; names count to the letter",
        AccountError::PasswordMoved | AccountError::Refused(_) | AccountError::Store(_) => "",
    };
    match error {
        AccountError::Store(error) => error.into(),
        error => Failure::failed(error, fix),
    }
}

#[cfg(test)]
mod tests {
    use slippers_core::types::Phone;

    use super::*;
    use crate::config::World;

    fn create(name: &str, phone: &str) -> Admin {
        let phone = Phone::parse(phone).expect("a phone");
        Admin::Create { name: name.into(), surname: "Administrator".into(), phone, password_stdin: true }
    }

    #[test]
    fn admins_are_made_listed_and_given_other_passwords() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut world = World::default();
        world.flags.data_dir = Some(dir.path().join("data"));
        let config = Config::load(&world, false).expect("good settings");
        let runtime = wire::runtime(1).expect("a runtime");
        let _inside = runtime.enter();
        let store = wire::open_store(&config, &runtime).expect("a database");
        let (entropy, now) = (wire::entropy(), Timestamp::from_seconds(1_800_000_000));
        let run = |what: Admin, with_password: bool| {
            let password = with_password.then(|| Password::random(&*entropy).expect("randomness"));
            runtime
                .block_on(act(&*store, what, password, &*entropy, now))
                .map_err(|failure| failure.to_string())
        };
        let refused = |what: Admin| run(what, true).expect_err("refused");

        let nobody = run(Admin::List, false).expect("a list").join("\n");
        assert!(nobody.contains("no admin yet"), "{nobody}");
        run(create("Admin", "+998901112233"), true).expect("an admin");
        assert!(refused(create("Admin", "+998901112234")).contains("the name is taken"));
        assert!(refused(create("Other", "+998901112233")).contains("the phone number is taken"));
        let list = run(Admin::List, false).expect("a list");
        assert!(
            list.len() == 2 && list[1].contains("Admin Administrator") && list[1].contains("+998901112233")
        );

        let hash = || {
            let found = runtime.block_on(store.find_credentials("Admin")).expect("an answer");
            found.expect("the admin").password
        };
        let before = hash();
        let reset = |name: &str| Admin::ResetPassword { name: name.into(), password_stdin: true };
        run(reset("Admin"), true).expect("another password");
        assert!(before != hash(), "the password was changed");
        assert!(refused(reset("admin")).contains("no such user"));
    }
}
