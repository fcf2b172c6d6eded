//! Passwords: argon2id (RFC 9106), never on an async worker, never more at once than there are cores.

mod legacy;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use slippers_core::accounts::PasswordHash;
use subtle::ConstantTimeEq;

use crate::Entropy;
use crate::pool::{Pool, PoolError};

pub(crate) use legacy::Checked;

/// Memory of one hash in KiB, passes over it, and lanes: what the OWASP Password Storage Cheat Sheet asks at least.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// The 19 MiB of one hash in argon2's blocks of 1 KiB.
const BLOCKS: usize = 19_456;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Callers that may wait for a core. At some 25 ms a hash the last of them waits about a second on two cores.
const MAX_WAITING: usize = 64;
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
/// on an async worker use a [`Hasher`].
///
/// # Errors
/// [`PasswordError::Entropy`] and [`PasswordError::Hashing`].
pub fn hash_password(password: &str, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
    hash_with(password, &draw_salt(entropy)?, &mut new_memory())
}

/// Whether the password is the one that was hashed; `false` too for a hash that is none of ours. It takes as long as
/// [`hash_password`], on the thread that calls it.
pub fn verify(password: &str, hash: &PasswordHash) -> bool {
    verify_with(password, hash, &mut new_memory())
}

/// Hashes and checks passwords for the server: off the async workers, at most one a core at once, at most 64 waiting.
/// The 19 MiB of each core are taken at the first use and kept.
///
/// A request that goes away while it waits frees its place; a hash that runs is finished, and keeps its core till then.
#[derive(Clone)]
pub struct Hasher {
    /// A slot for each core.
    pool: Pool,
    memory: Arc<Mutex<Vec<Box<[Block]>>>>,
    worked_on: Arc<AtomicU64>,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("free_cores", &self.pool.free_slots()).finish_non_exhaustive()
    }
}

impl Default for Hasher {
    /// For all cores that this process may use.
    fn default() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl Hasher {
    /// At most `parallel` hashes at once.
    pub fn new(parallel: NonZeroUsize) -> Self {
        let parallel = parallel.get().min(1024);
        Self { pool: Pool::new(parallel, MAX_WAITING), memory: Arc::default(), worked_on: Arc::default() }
    }

    /// Counts the passwords that were hashed or checked.
    pub(crate) fn worked_on(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.worked_on)
    }

    /// Hashes a password of any length.
    ///
    /// # Errors
    /// [`PasswordError`]; [`PasswordError::Overloaded`] at once, without waiting.
    pub async fn hash(&self, password: &str, entropy: &dyn Entropy) -> Result<PasswordHash, PasswordError> {
        let salt = draw_salt(entropy)?;
        let password = password.to_owned();
        self.run(move |memory| hash_with(&password, &salt, memory)).await?
    }

    /// Whether the password is the one that was hashed.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] at once, [`PasswordError::Hashing`] when the thread died.
    pub async fn verify(&self, password: &str, hash: &PasswordHash) -> Result<bool, PasswordError> {
        self.verify_or_dummy(password, Some(hash)).await
    }

    /// Whether the password is the one that was hashed; without a hash the answer is `false` after the same work, so
    /// that the time does not tell whether there is such a user.
    ///
    /// # Errors
    /// As [`Hasher::verify`].
    pub async fn verify_or_dummy(
        &self,
        password: &str,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.cloned().unwrap_or_else(|| PasswordHash::new(NOBODY.to_owned()));
        let password = password.to_owned();
        let matches = self.run(move |memory| verify_with(&password, &hash, memory)).await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        self.worked_on.fetch_add(1, Ordering::Relaxed);
        let memories = Arc::clone(&self.memory);
        let job = move || {
            let kept = memories.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = kept.unwrap_or_else(new_memory);
            let result = work(&mut memory);
            memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            result
        };
        Ok(self.pool.enter()?.run(job).await?)
    }
}

impl From<PoolError> for PasswordError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Overloaded => Self::Overloaded,
            PoolError::Died(_) => Self::hashing(error),
        }
    }
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
    use std::time::Duration;

    use super::*;
    use crate::SystemEntropy;

    fn hash(password: &str) -> PasswordHash {
        hash_password(password, &SystemEntropy).expect("a hash")
    }

    fn hasher(parallel: usize) -> Hasher {
        Hasher::new(NonZeroUsize::new(parallel).expect("not zero"))
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

    #[tokio::test]
    async fn the_hasher_takes_no_memory_before_its_first_use_and_then_keeps_it() {
        let hasher = hasher(1);
        let kept = |hasher: &Hasher| hasher.memory.lock().expect("the pool").len();
        assert_eq!(kept(&hasher), 0);
        let stored = hasher.hash("12345678", &SystemEntropy).await.expect("a hash");
        assert_eq!(kept(&hasher), 1);
        assert!(hasher.verify("12345678", &stored).await.expect("an answer"));
        assert!(!hasher.verify("87654321", &stored).await.expect("an answer"));
        assert_eq!(kept(&hasher), 1);
    }

    #[tokio::test]
    async fn somebody_unknown_costs_the_same_work_and_never_matches() {
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
        assert!(!hasher(1).verify_or_dummy("x", None).await.expect("an answer"));
    }

    /// Starts work that runs until the sender is used or dropped, and waits until it runs.
    async fn occupy(hasher: &Hasher) -> std::sync::mpsc::Sender<()> {
        let (release, released) = std::sync::mpsc::channel();
        let (started, runs) = tokio::sync::oneshot::channel();
        let hasher = hasher.clone();
        tokio::spawn(async move {
            let work = move |_: &mut [Block]| {
                started.send(()).ok();
                released.recv().ok();
            };
            hasher.run(work).await
        });
        runs.await.expect("it runs");
        release
    }

    #[tokio::test]
    async fn a_crowd_beyond_the_queue_is_refused_at_once() {
        let hasher = hasher(1);
        let release = occupy(&hasher).await;
        let mut waiting = Vec::new();
        for _ in 0..MAX_WAITING {
            let hasher = hasher.clone();
            waiting.push(tokio::spawn(async move { hasher.run(|_| ()).await }));
        }
        while hasher.pool.free_places() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = hasher.verify_or_dummy("x", None).await;
        assert!(matches!(refused, Err(PasswordError::Overloaded)), "{refused:?}");
        release.send(()).expect("it still runs");
        for task in waiting {
            task.await.expect("no panic").expect("its turn came");
        }
        assert_eq!(hasher.pool.free_places(), 1 + MAX_WAITING);
    }

    #[tokio::test]
    async fn a_caller_that_leaves_frees_its_place_but_not_a_core_that_runs() {
        let hasher = hasher(1);
        let release = occupy(&hasher).await;
        let gone = tokio::time::timeout(Duration::from_millis(10), hasher.run(|_| ())).await;
        assert!(gone.is_err());
        assert_eq!(hasher.pool.free_places(), MAX_WAITING);
        assert_eq!(hasher.pool.free_slots(), 0);
        drop(release);
        hasher.run(|_| ()).await.expect("the core is free again");
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_core_back() {
        let hasher = hasher(1);
        let died = hasher.run(|_| panic!("on purpose")).await;
        assert!(matches!(died, Err(PasswordError::Hashing(_))), "{died:?}");
        hasher.run(|_| ()).await.expect("the core is free again");
    }
}
