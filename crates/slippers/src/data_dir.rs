//! The folder of everything that the shop keeps.

use std::io;
use std::path::Path;

use crate::failure::Failure;

/// Makes the folder when it is missing, and sees that it can be written.
pub(crate) fn prepare(folder: &Path) -> Result<(), Failure> {
    let told = |error: io::Error| {
        let shown = folder.display();
        let fix = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                format!(
                    "give the user who runs slippers the right to write there (chown, chmod), or {ELSEWHERE}"
                )
            }
            io::ErrorKind::StorageFull => "make room on the disk".to_owned(),
            io::ErrorKind::ReadOnlyFilesystem => format!("mount it writable, or {ELSEWHERE}"),
            _ => format!("move away what stands in its place, or {ELSEWHERE}"),
        };
        Failure::failed(format!("SLIPPERS_DATA_DIR: {shown} can't be used: {error}"), fix)
    };
    std::fs::create_dir_all(folder).map_err(told)?;
    // Rights, quotas and read-only mounts have one reliable test.
    let probe = folder.join(format!(".probe.{}", std::process::id()));
    std::fs::File::create(&probe).map_err(told)?;
    std::fs::remove_file(&probe).map_err(told)
}

const ELSEWHERE: &str = "choose another folder with --data-dir or SLIPPERS_DATA_DIR";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_and_left_empty() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("a/b");
        prepare(&folder).expect("made");
        prepare(&folder).expect("there");
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0);
    }

    #[test]
    fn a_file_in_its_place_is_told_with_the_way_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("data");
        crate::files::put(&file, b"").expect("a file");
        for folder in [file.clone(), file.join("below")] {
            let text = prepare(&folder).expect_err("no folder").to_string();
            assert!(text.contains("SLIPPERS_DATA_DIR") && text.contains("--data-dir"), "{text}");
        }
    }
}
