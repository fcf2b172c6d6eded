//! Where pictures lie, and the bound on the work on them.

use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slippers_core::{Store, StoreError};

use crate::http::errors::{ApiError, Code};
use crate::pool::{Place, Pool, PoolError, Share};
use crate::ports::Entropy;

/// Uploads that may wait beside those whose pictures are worked on; further ones are refused before a byte of them is
/// read.
const MAX_WAITING: usize = 8;
/// A picture at work may take a quarter of a gigabyte: one at a time is enough for any shop, and leaves the other cores
/// to those who buy.
const MAX_AT_WORK: usize = 1;
/// A file that is under way for so long was left by a crash.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);
/// Pictures that are looked at together.
const SWEPT: i64 = 100;
/// Where pictures are served.
const URL: &str = "/static/images/";

/// The folder of pictures.
#[derive(Debug)]
pub(crate) struct Pictures {
    folder: PathBuf,
    pool: Pool,
}

impl Pictures {
    /// The pictures in the folder `images` of the static files.
    pub(crate) fn new(static_dir: &Path) -> Self {
        // Nobody looks at a shop to wait for pictures that are not there yet.
        let pool = Pool::new(MAX_AT_WORK, MAX_WAITING, Share::Leftovers);
        let pictures = Self { folder: static_dir.join("images"), pool };
        pictures.tidy_up();
        pictures
    }

    /// Who works on pictures.
    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// A place for one upload.
    pub(super) fn enter(&self) -> Result<Place, ApiError> {
        Ok(self.pool.enter()?)
    }

    /// Where files lie that are under way. The name begins with a dot, so that nothing in it is ever served; it is on
    /// the same disk as the pictures, so that a renaming is all that is left to do.
    pub(super) fn incoming(&self) -> PathBuf {
        self.folder.join(".incoming")
    }

    /// Makes the folders. Blocks.
    pub(super) fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(self.incoming())
    }

    /// The file of a picture of this name.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// After this the names of files that were put there survive a loss of power. Blocks.
    pub(super) fn sync(&self) -> io::Result<()> {
        fs::File::open(&self.folder)?.sync_all()
    }

    /// Deletes the files of pictures that nothing names any more. What fails is told and tried again some day: the shop is
    /// right without.
    pub(crate) async fn sweep(&self, store: &dyn Store) {
        if let Err(error) = self.try_sweep(store).await {
            tracing::error!(%error, "the files of deleted pictures stay for now: {error}");
        }
    }

    async fn try_sweep(&self, store: &dyn Store) -> Result<(), StoreError> {
        loop {
            let unneeded = store.list_unneeded_pictures(SWEPT).await?;
            if unneeded.is_empty() {
                return Ok(());
            }
            let (paths, files): (Vec<_>, Vec<_>) =
                unneeded.into_iter().map(|picture| (picture.path, picture.files)).unzip();
            self.delete(files.concat()).await;
            // Only now: whatever ends the program before, the files are found again.
            store.forget_pictures(paths).await?;
        }
    }

    /// Deletes files. One that can't be deleted is left, and told.
    async fn delete(&self, paths: Vec<String>) {
        for path in paths {
            let name = path.strip_prefix(URL).filter(|name| is_plain(name));
            let Some(name) = name else { continue };
            match tokio::fs::remove_file(self.file(name)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path, %error, "a picture can't be deleted: {error}");
                }
                _ => {}
            }
        }
    }

    fn tidy_up(&self) {
        let Ok(entries) = fs::read_dir(self.incoming()) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|meta| meta.modified()).map(|time| time.elapsed());
            if matches!(age, Ok(Ok(age)) if age >= LEFT_BEHIND) {
                // The next start tries again.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Where a picture of this name is served.
pub(super) fn url(name: &str) -> String {
    format!("{URL}{name}")
}

/// A name that nobody can guess: 32 hex digits.
pub(super) fn random_name(entropy: &dyn Entropy) -> Result<String, ApiError> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes).map_err(|error| ApiError::because(Code::Internal, error))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Rows may name what nobody has uploaded: an admin may write any path into a product.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

/// Does work to its end, also when the client that asked for it goes away: what is in the database and what is on the
/// disk must not part.
pub(crate) async fn to_the_end<T: Send + 'static, E: Send + 'static>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ApiError>
where
    ApiError: From<E>,
{
    match tokio::spawn(work).await {
        Ok(done) => Ok(done?),
        Err(died) => Err(ApiError::because(Code::Internal, died)),
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Overloaded => Self::overloaded(error),
            PoolError::Died(_) => Self::because(Code::Internal, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_pictures_in_the_folder_are_deleted() {
        let root = tempfile::tempdir().expect("a folder");
        let pictures = Pictures::new(root.path());
        pictures.prepare().expect("folders");
        let put = |name: &str| fs::File::create(root.path().join(name)).map(drop).expect("a file");
        for name in ["images/a.png", "images/.hidden", "beside.txt"] {
            put(name);
        }
        let paths = [
            "/static/images/a.png",
            "/static/images/none.png",
            "/static/images/.hidden",
            "/static/images/../beside.txt",
            "/static/images/",
            "/static/beside.txt",
            "https://elsewhere/static/images/a.png",
        ];
        pictures.delete(paths.map(str::to_owned).into()).await;
        let there = |name: &str| root.path().join(name).exists();
        assert!(!there("images/a.png"));
        assert!(there("images/.hidden") && there("beside.txt"));
    }

    #[test]
    fn what_a_crash_left_is_swept_and_what_is_under_way_is_not() {
        let root = tempfile::tempdir().expect("a folder");
        Pictures::new(root.path()).prepare().expect("folders");
        let file = |name: &str| root.path().join("images/.incoming").join(name);
        let old = fs::File::create(file("old")).expect("a file");
        let past = old.metadata().and_then(|meta| meta.modified()).expect("a time") - LEFT_BEHIND * 2;
        old.set_modified(past).expect("an older file");
        fs::File::create(file("new")).expect("a file");
        Pictures::new(root.path());
        assert!(!file("old").exists() && file("new").exists());
    }

    #[test]
    fn a_crowd_beyond_the_queue_is_refused_at_once() {
        let root = tempfile::tempdir().expect("a folder");
        let pictures = Pictures::new(root.path());
        let crowd: Vec<_> = std::iter::from_fn(|| pictures.enter().ok()).collect();
        assert!((MAX_WAITING + 1..=MAX_WAITING + MAX_AT_WORK).contains(&crowd.len()));
        assert_eq!(pictures.enter().map(drop).expect_err("full").code(), Code::Overloaded);
        drop(crowd);
        pictures.enter().expect("there is room again");
    }
}
