//! Passwords: argon2id (RFC 9106), never on an async worker, never more at once than there are cores.

mod hasher;
mod legacy;

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use slippers_core::accounts::PasswordHash;
use subtle::ConstantTimeEq;

use crate::Entropy;

pub(crate) use hasher::{Hasher, LoginRoom, Near, StrangerRoom, Turn};
pub(crate) use legacy::Checked;

/// Memory of one hash in KiB, passes over it, and lanes: what the OWASP Password Storage Cheat Sheet asks at least.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// The 19 MiB of one hash in argon2's blocks of 1 KiB.
const BLOCKS: usize = 19_456;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// What the password of somebody unknown is checked against: made with the same costs, of bytes that no password is
/// known to give. A match would not count anyway.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGxpdmVzIGhlcg$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password could not be hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many others wait already; it can be tried again in a moment.
    #[error("too many passwords are being checked")]
    Overloaded,
    /// The system gave no randomness for the salt.
    #[error("no randomness for a salt: {0}")]
    Entropy(#[from] std::io::Error),
    /// The hash function refused, or its thread died.
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
}

impl PasswordError {
    fn hashing(cause: impl fmt::Display) -> Self {
        Self::Hashing(cause.to_string())
    }
}

/// Hashes a password of any length, in PHC string form. It takes some 25 ms and 19 MiB on the thread that calls it:
/// never on an async worker.
///
/// # Errors
/// [`PasswordError::Entropy`] and [`PasswordError::Hashing`].
pub fn hash_password(password: &str, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
    hash_with(password, &draw_salt(entropy)?, &mut new_memory())
}

fn new_memory() -> Box<[Block]> {
    vec![Block::new(); BLOCKS].into_boxed_slice()
}

fn draw_salt(entropy: &dyn Entropy) -> std::io::Result<[u8; SALT_BYTES]> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt)?;
    Ok(salt)
}

fn hash_with(
    password: &str,
    salt: &[u8; SALT_BYTES],
    memory: &mut [Block],
) -> Result<PasswordHash, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).map_err(PasswordError::hashing)?;
    let mut out = [0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut out, memory)
        .map_err(PasswordError::hashing)?;
    let phc = argon2::PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(PasswordError::hashing)?,
        salt: Some(Salt::new(salt).map_err(PasswordError::hashing)?),
        hash: Some(Output::new(&out).map_err(PasswordError::hashing)?),
    };
    Ok(PasswordHash::new(phc.to_string()))
}

/// Whether the password is the one that was hashed; `false` too for a hash that is none of ours.
fn verify_with(password: &str, hash: &PasswordHash, memory: &mut [Block]) -> bool {
    recompute(password, hash, memory).is_some_and(|(expected, found)| expected.ct_eq(&found).into())
}

/// The hash that is stored and the one that the password gives; `None` when what is stored is not argon2id of at most
/// our own costs, which is all that we ever write.
fn recompute(password: &str, hash: &PasswordHash, memory: &mut [Block]) -> Option<(Vec<u8>, Vec<u8>)> {
    let stored = argon2::PasswordHash::new(hash.as_str()).ok()?;
    if stored.algorithm != ARGON2ID_IDENT || stored.version != Some(Version::V0x13.into()) {
        return None;
    }
    let params = Params::try_from(&stored).ok()?;
    if params.m_cost() > MEMORY_KIB || params.t_cost() > PASSES || params.p_cost() > LANES {
        return None;
    }
    let (salt, expected) = (stored.salt?, stored.hash?);
    let mut found = vec![0; expected.len()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), &salt, &mut found, memory)
        .ok()?;
    Some((expected.as_bytes().to_vec(), found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    fn verify(password: &str, hash: &PasswordHash) -> bool {
        verify_with(password, hash, &mut new_memory())
    }

    fn hash(password: &str) -> PasswordHash {
        hash_password(password, &SystemEntropy).expect("a hash")
    }

    #[test]
    fn a_hash_is_a_phc_string_with_the_costs_and_a_salt_of_its_own() {
        let (first, second) = (hash("12345678"), hash("12345678"));
        assert!(first.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", first.as_str());
        assert_eq!(first.as_str().len(), 97);
        assert_ne!(first, second);
        assert!(verify("12345678", &first) && verify("12345678", &second));
        assert!(!verify("12345679", &first) && !verify("", &first));
    }

    #[test]
    fn no_character_is_cut_off_or_ignored() {
        let long = format!("{}\0{}", "ш".repeat(512), "x".repeat(511));
        let stored = hash(&long);
        assert!(verify(&long, &stored));
        assert!(!verify(&long[..long.len() - 1], &stored));
        assert!(!verify(&long.replace('\0', ""), &stored));
        assert!(!verify("before", &hash("before\0after")));
    }

    #[test]
    fn it_agrees_with_the_reference_implementation() {
        // Vectors of the reference implementation: github.com/P-H-C/phc-winner-argon2, src/test.c.
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(!verify("password", &PasswordHash::new(phc.into())), "costs beyond ours are refused unheard");
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(verify("password", &PasswordHash::new(phc.into())));
    }

    #[test]
    fn what_is_no_hash_of_ours_matches_nothing() {
        let good = hash("12345678");
        for bad in [
            String::new(),
            "12345678".into(),
            "$2b$12$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu".into(),
            good.as_str().replace("argon2id", "argon2i"),
            good.as_str().replace("v=19", "v=16"),
            good.as_str().replace("m=19456", "m=4194304"),
            good.as_str().replace("t=2", "t=9999"),
            good.as_str().replace("p=1", "p=8"),
            good.as_str()[..good.as_str().len() - 44].to_owned(),
        ] {
            assert!(!verify("12345678", &PasswordHash::new(bad.clone())), "{bad}");
        }
    }

    #[test]
    fn somebody_unknown_costs_the_same_work() {
        let parsed = argon2::PasswordHash::new(NOBODY).expect("a hash");
        let params = Params::try_from(&parsed).expect("its costs");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(parsed.hash.map(|hash| hash.len()), Some(HASH_BYTES));
        assert_eq!(parsed.salt.map(|salt| salt.len()), Some(SALT_BYTES));
        let mut memory = new_memory();
        assert!(
            recompute("x", &PasswordHash::new(NOBODY.into()), &mut memory).is_some(),
            "it is really computed"
        );
    }
}
