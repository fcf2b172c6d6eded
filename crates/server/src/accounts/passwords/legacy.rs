//! Passwords as older shops kept them, in plain text or as bcrypt hashes: checked until their owner has signed in once.

use argon2::Block;
use sha2::{Digest as _, Sha256};
use slippers_core::accounts::PasswordHash;
use subtle::ConstantTimeEq as _;

use super::{NOBODY, verify_with};

/// How every hash begins that we make today.
const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// The old shop took no shorter password. So a mark that stands for "no password" is none in plain text.
const MIN_PLAIN_CHARS: usize = 8;
/// bcrypt works 2^cost times; at 13 that is half a second of a core. What costs more is not even begun.
const MAX_BCRYPT_COST: u32 = 13;
/// How hashes of other kinds begin. They are never taken for plain text: who has stolen one would know the password.
const OTHER_HASHES: [&str; 6] = ["pbkdf2", "scrypt", "sha1$", "sha256$", "md5$", "{"];

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// It is another password, or there is none.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, but it is not kept as it should be: hash it anew.
    RightButOld,
}

/// As [`Near::check`](super::hasher::Near::check) says, on the thread that calls it.
pub(super) fn check_with(password: &str, stored: Option<&PasswordHash>, memory: &mut [Block]) -> Checked {
    let text = stored.map_or("", PasswordHash::as_str);
    let is_right = match (Kept::of(text), stored) {
        (Kept::AsArgon2, Some(stored)) => verify_with(password, stored, memory),
        (Kept::AsBcrypt, _) => bcrypt::verify(password, text).unwrap_or(false),
        (kept, _) => {
            let _spent = verify_with(password, &PasswordHash::new(NOBODY.to_owned()), memory);
            // Their digests are of one length, so that the time tells nothing of what they have in common.
            let is_same = Sha256::digest(password).ct_eq(&Sha256::digest(text));
            kept == Kept::InPlainText && bool::from(is_same)
        }
    };
    match (is_right, text.starts_with(TODAY)) {
        (false, _) => Checked::Wrong,
        (true, true) => Checked::Right,
        (true, false) => Checked::RightButOld,
    }
}

/// How a password is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    AsArgon2,
    AsBcrypt,
    InPlainText,
    /// In a way that nothing matches.
    Unusably,
}

impl Kept {
    fn of(text: &str) -> Self {
        if text.starts_with("$argon2") {
            return Self::AsArgon2;
        }
        if let Some(cost) = bcrypt_cost(text) {
            return if cost <= MAX_BCRYPT_COST { Self::AsBcrypt } else { Self::Unusably };
        }
        let is_other = (text.starts_with('$') && text[1..].contains('$'))
            || OTHER_HASHES.iter().any(|start| text.starts_with(start));
        if is_other || text.chars().count() < MIN_PLAIN_CHARS { Self::Unusably } else { Self::InPlainText }
    }
}

/// The cost in `$2b$12$…` and its sisters; `$2x$` is the mark of an implementation that was broken.
fn bcrypt_cost(text: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|start| text.strip_prefix(start))?;
    rest.split_once('$')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use crate::accounts::passwords::{hash_password, new_memory};

    fn check(password: &str, stored: &str) -> Checked {
        check_with(password, Some(&PasswordHash::new(stored.to_owned())), &mut new_memory())
    }

    #[test]
    fn a_hash_of_today_is_right_or_wrong() {
        let stored = hash_password("12345678", &SystemEntropy).expect("a hash");
        assert!(stored.as_str().starts_with(TODAY));
        assert_eq!(check("12345678", stored.as_str()), Checked::Right);
        assert_eq!(check("12345679", stored.as_str()), Checked::Wrong);
        assert_eq!(check(stored.as_str(), stored.as_str()), Checked::Wrong, "a hash is no password");
        let weaker = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert_eq!(check("password", weaker), Checked::RightButOld);
    }

    #[test]
    fn plain_text_is_compared_whole() {
        for password in
            ["12345678", "пароль-из-старого", "with $ and { inside", "$ingle-dollar", "x\0yyyyyyyyy"]
        {
            assert_eq!(check(password, password), Checked::RightButOld, "{password}");
            let cut: String = password.chars().skip(1).collect();
            assert_eq!(check(&cut, password), Checked::Wrong);
            assert_eq!(check(&format!("{password} "), password), Checked::Wrong);
            assert_eq!(check("", password), Checked::Wrong);
        }
    }

    #[test]
    fn marks_and_hashes_of_other_kinds_match_nothing_not_even_themselves() {
        for stored in [
            "",
            "!",
            "*",
            "deleted",
            "1234567",
            "$1$salt$digest-of-md5",
            "$argon2id$",
            "$argon2id$v=19$m=19456",
            "$6$rounds=5000$salt$digest",
            "pbkdf2_sha256$260000$salt$digest",
            "scrypt:32768:8:1$salt$digest",
            "{SSHA}0123456789",
            "$2b$12$too-short",
            "$2b$$",
            "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
        ] {
            assert_eq!(check(stored, stored), Checked::Wrong, "{stored}");
        }
    }

    #[test]
    fn bcrypt_is_checked_up_to_a_cost() {
        // Vectors of jBCrypt, which OpenBSD's bcrypt agrees with: djm, jBCrypt, test/TestBCrypt.java.
        let stored = "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC";
        assert_eq!(check("abcdefghijklmnopqrstuvwxyz", stored), Checked::RightButOld);
        assert_eq!(check("abcdefghijklmnopqrstuvwxy", stored), Checked::Wrong);
        assert_eq!(check("", stored), Checked::Wrong);
        assert_eq!(check(stored, stored), Checked::Wrong);
        for other in ["$2b$", "$2y$"] {
            assert_eq!(
                check("abcdefghijklmnopqrstuvwxyz", &stored.replace("$2a$", other)),
                Checked::RightButOld
            );
        }
        assert_eq!(Kept::of(&stored.replace("$06$", "$14$")), Kept::Unusably);
        assert_eq!(Kept::of(&stored.replace("$06$", "$99$")), Kept::Unusably);
        assert_eq!(check("abcdefghijklmnopqrstuvwxyz", &stored.replace("$06$", "$03$")), Checked::Wrong);
    }
}
