//! What is written for the search of users, and how they are found: as products are, and by digits in a row.

use slippers_core::StoreError;
use slippers_core::accounts::User;
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::search::{fold, grams};

use crate::db::Db;
use crate::params::params;

/// The texts of a user that are searched.
#[derive(PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) name: String,
    pub(super) surname: String,
    phone: String,
}

impl Keys {
    pub(super) fn of(user: &User) -> Self {
        Self { name: fold(&user.name), surname: fold(&user.surname), phone: user.phone.as_str().to_owned() }
    }

    fn grams(&self) -> Vec<&str> {
        let mut all = grams(&self.name);
        all.extend(grams(&self.surname));
        all.extend(grams(&self.phone));
        all.into_iter().collect()
    }
}

// Trigrams are an index of the row itself.
const ADD: &str = "INSERT INTO user_grams (gram, user_id) SELECT unnest($1::text[]), $2";

/// Makes a user findable.
pub(super) async fn add(db: &Db, id: i64, keys: &Keys) -> Result<(), StoreError> {
    db.run(ADD, params![keys.grams(), id]).await?;
    Ok(())
}

const REMOVE: &str = "DELETE FROM user_grams WHERE user_id = $2 AND gram = ANY($1::text[])";

/// Takes back what [`add`] wrote; the texts must be the same.
pub(super) async fn remove(db: &Db, id: i64, keys: &Keys) -> Result<(), StoreError> {
    db.run(REMOVE, params![keys.grams(), id]).await?;
    Ok(())
}

/// `FROM ... WHERE ...`, with the numbers of those who are found as `m.id`; the term is `$1`. Admins are so few that they are
/// walked.
pub(super) fn matches(is_admin: Option<bool>, term: &SearchTerm) -> String {
    let customers = if is_admin.is_some() { " AND NOT u.is_admin" } else { "" };
    if is_admin == Some(true) {
        return format!("FROM users m WHERE m.is_admin AND {}", contains("m"));
    }
    if term.chars() > 2 {
        // A user who was wiped has no texts, but for what stands in place of the phone.
        let (parts, of_term) = match term.digits() {
            // The last six in a row: numbers begin with those of a country and a company, which many have in common.
            Some(_) => ("digit_runs", "ARRAY[substring($1 from '.*([0-9]{6})')]"),
            None => ("trigrams", "trigrams($1)"),
        };
        let sought = format!("{parts}(u.name_key, u.surname_key, u.phone_number COLLATE \"C\") @> {of_term}");
        // Of digits no number is looked up in an index: of all users it would be read beside theirs.
        let id = if term.digits().is_some() { "u.id + 0 AS id" } else { "u.id" };
        return format!(
            "FROM (SELECT {id} FROM users u WHERE {sought} AND {} AND u.wiped_at IS NULL{customers}) m WHERE TRUE",
            contains("u")
        );
    }
    match customers {
        "" => "FROM (SELECT g.user_id AS id FROM user_grams g WHERE g.gram = $1) m WHERE TRUE".to_owned(),
        _ => format!(
            "FROM (SELECT u.id FROM user_grams g JOIN users u ON u.id = g.user_id WHERE g.gram = $1{customers}) m WHERE TRUE"
        ),
    }
}

fn contains(table: &str) -> String {
    let parts =
        ["name_key", "surname_key", "phone_number"].map(|key| format!("strpos({table}.{key}, $1) > 0"));
    format!("({})", parts.join(" OR "))
}
