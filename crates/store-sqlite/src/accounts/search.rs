//! What is written for the search of users, and how they are found: as products are, and by digits in a row, which the database
//! writes by itself.

use slippers_core::StoreError;
use slippers_core::accounts::User;
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::search::{fold, grams};

use super::{read_user, user_columns};
use crate::catalog::search::{Lookup, lookup};
use crate::db::{Db, json_list};

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

    fn grams(&self) -> Result<String, StoreError> {
        let mut all = grams(&self.name);
        all.extend(grams(&self.surname));
        all.extend(grams(&self.phone));
        json_list(&all)
    }
}

const ADD_GRAMS: &str = "INSERT INTO user_grams (gram, user_id) SELECT value, ?2 FROM json_each(?1)";
const ADD_TEXT: &str =
    "INSERT INTO user_search (rowid, name_key, surname_key, phone_number) VALUES (?1, ?2, ?3, ?4)";

/// Makes a user findable.
pub(super) fn add(db: &Db<'_>, id: i64, keys: &Keys) -> Result<(), StoreError> {
    db.run(ADD_GRAMS, (keys.grams()?, id))?;
    db.run(ADD_TEXT, (id, &keys.name, &keys.surname, &keys.phone))?;
    Ok(())
}

const REMOVE_GRAMS: &str = "
    DELETE FROM user_grams WHERE user_id = ?2 AND gram IN (SELECT value FROM json_each(?1))";
// The index keeps no texts, so it must be told those that it was given.
const REMOVE_TEXT: &str = "
    INSERT INTO user_search (user_search, rowid, name_key, surname_key, phone_number)
    VALUES ('delete', ?1, ?2, ?3, ?4)";

/// Takes back what [`add`] wrote; the texts must be the same.
pub(super) fn remove(db: &Db<'_>, id: i64, keys: &Keys) -> Result<(), StoreError> {
    db.run(REMOVE_GRAMS, (keys.grams()?, id))?;
    db.run(REMOVE_TEXT, (id, &keys.name, &keys.surname, &keys.phone))?;
    Ok(())
}

const ALL: &str = concat!("SELECT ", user_columns!(), " FROM users u ORDER BY u.id");
const SET_KEYS: &str = "UPDATE users SET name_key = ?2, surname_key = ?3 WHERE id = ?1";

/// Makes everybody findable who came before there was a search: once, inside of the migration that brings it.
pub(crate) fn index_all(db: &Db<'_>) -> Result<(), StoreError> {
    for user in db.all(ALL, [], read_user)? {
        let keys = Keys::of(&user);
        db.run(SET_KEYS, (user.id.get(), &keys.name, &keys.surname))?;
        add(db, user.id.get(), &keys)?;
    }
    Ok(())
}

/// Where users come from.
pub(super) struct Matches {
    /// `FROM ... WHERE ...`, with their numbers as `m.id`.
    pub(super) from: String,
    /// What is looked up there as ?1; the term itself is ?2.
    pub(super) sought: String,
}

/// Those who are found. Admins are so few that they are walked.
pub(super) fn matches(is_admin: Option<bool>, term: &SearchTerm) -> Matches {
    let walk = |index: &str, which: &str| Matches {
        from: format!("FROM users m INDEXED BY {index} WHERE {which} AND {}", contains("m")),
        sought: String::new(),
    };
    let (source, sought, must_look) = match (lookup(term), term.digits(), is_admin) {
        (_, _, Some(true)) => return walk("users_admins", "m.is_admin = 1"),
        (_, Some(digits), _) => {
            ("SELECT user_id AS id FROM user_digits WHERE digits = ?1", digits.to_owned(), true)
        }
        (Lookup::Gram { gram, is_whole }, None, _) => {
            ("SELECT user_id AS id FROM user_grams WHERE gram = ?1", gram, !is_whole)
        }
        (Lookup::Trigrams { phrase, is_whole }, None, _) => {
            ("SELECT rowid AS id FROM user_search WHERE user_search MATCH ?1", phrase, !is_whole)
        }
    };
    let mut from = format!("FROM ({source}) m");
    if is_admin.is_some() || must_look {
        from.push_str(" CROSS JOIN users u ON u.id = m.id");
        from.push_str(if is_admin.is_some() { " AND u.is_admin = 0" } else { "" });
    }
    from.push_str(" WHERE ");
    from.push_str(if must_look { contains("u") } else { "TRUE".to_owned() }.as_str());
    Matches { from, sought }
}

fn contains(table: &str) -> String {
    let parts =
        ["name_key", "surname_key", "phone_number"].map(|key| format!("instr({table}.{key}, ?2) > 0"));
    format!("({})", parts.join(" OR "))
}
