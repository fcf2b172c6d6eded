//! Drawn pictures as files of the static folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use crate::files;
use slippers_drawing::{self as drawing, Dice, Look, PictureError};

/// Why the pictures are not all there.
#[derive(Debug, Error)]
pub(crate) enum PictureFileError {
    /// The drawing failed.
    #[error(transparent)]
    Drawing(#[from] PictureError),
    /// The disk did not take it.
    #[error("{} can't be written: {error}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
}

/// The file's name: 32 hex digits, as an uploaded picture has, and always the same for the same look.
pub(crate) fn file_name(look: Look) -> String {
    // The drawing's version is part of the name, so that a better drawing does not meet a file of the old one.
    const DRAWING: u64 = 1;
    let parts = [look.model as u64, look.tone as u64, look.pattern as u64, look.seed];
    let mut dice = Dice::new(DRAWING);
    for part in parts {
        dice = Dice::new(dice.bits() ^ part.wrapping_mul(0xff51_afd7_ed55_8ccd));
    }
    format!("{:016x}{:016x}.png", dice.bits(), dice.bits())
}

/// The path under which the server shows the picture.
pub(crate) fn url_path(look: Look) -> String {
    format!("/static/images/{}", file_name(look))
}

/// Draws the pictures that are not there yet, on all cores. Tells how many bytes were written.
pub(crate) fn draw_all(looks: &[Look], folder: &Path) -> Result<usize, PictureFileError> {
    std::fs::create_dir_all(folder).map_err(|error| PictureFileError::Disk { path: folder.into(), error })?;
    let (next, bytes, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(look) = looks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match draw_one(*look, folder) {
                        Ok(written) => {
                            bytes.fetch_add(written, Ordering::Relaxed);
                        }
                        Err(error) => {
                            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            return;
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(bytes.into_inner()),
    }
}

fn draw_one(look: Look, folder: &Path) -> Result<usize, PictureFileError> {
    let path = folder.join(file_name(look));
    if path.exists() {
        return Ok(0);
    }
    let png = drawing::draw(look)?;
    files::put(&path, &png).map_err(|error| PictureFileError::Disk { path, error })?;
    Ok(png.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_look_like_uploads_and_never_meet() {
        let names: BTreeSet<String> = (0..1000).map(|i| file_name(drawing::variation(i))).collect();
        assert_eq!(names.len(), 1000);
        for name in names {
            let (stem, extension) = name.split_once('.').expect("an extension");
            assert_eq!((stem.len(), extension), (32, "png"), "{name}");
            assert!(stem.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{name}");
        }
    }

    #[test]
    fn what_is_there_is_not_drawn_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let looks: Vec<Look> = (0..3).map(drawing::variation).collect();
        let images = folder.path().join("static/images");
        assert!(draw_all(&looks, &images).expect("drawn") > 0);
        assert_eq!(draw_all(&looks, &images).expect("there"), 0);
        let mut names: Vec<_> =
            std::fs::read_dir(&images).expect("a folder").flatten().map(|f| f.file_name()).collect();
        names.sort();
        let mut wanted: Vec<_> =
            looks.iter().map(|look| file_name(*look).into()).collect::<Vec<std::ffi::OsString>>();
        wanted.sort();
        assert_eq!(names, wanted);
    }

    #[test]
    fn a_folder_that_is_a_file_is_told_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let blocked = folder.path().join("static");
        files::put(&blocked, b"").expect("a file");
        let error =
            draw_all(&[drawing::variation(0)], &blocked.join("images")).expect_err("no folder").to_string();
        assert!(error.contains("static") && error.contains("can't be written"), "{error}");
    }
}
