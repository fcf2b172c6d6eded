//! What processes use of the processors.

use std::collections::HashMap;
use std::fs;
use std::io;

use crate::Outcome;

/// What threads had used at one moment, in nanoseconds, by their numbers: from `schedstat`, as `stat` counts in hundredths of a
/// second, which is a tenth of a short round.
#[derive(Debug, Default)]
pub(crate) struct Cpu(HashMap<u32, u64>);

impl Cpu {
    /// Of a process.
    ///
    /// # Errors
    /// When there is no such process, or no Linux to ask for it.
    pub(crate) fn of(process: u32) -> Outcome<Self> {
        let mut cpu = Self::default();
        cpu.add(process).map_err(|error| format!("/proc/{process}: {error}"))?;
        Ok(cpu)
    }

    /// Adds those of a process and of all that it has started.
    ///
    /// # Errors
    /// As [`Cpu::of`].
    pub(crate) fn and_family(mut self, parent: u32) -> Outcome<Self> {
        for process in fs::read_dir("/proc")? {
            let process = process?;
            let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // One that ends meanwhile is as good as one that ended before.
            let is_family = id == parent || parent_of(id).is_ok_and(|of_it| of_it == parent);
            if is_family && self.add(id).is_err() && id == parent {
                return Err(format!("process {parent} has ended").into());
            }
        }
        Ok(self)
    }

    /// Microseconds since an earlier moment. What a thread used that has ended since is not among them.
    pub(crate) fn micros_since(&self, earlier: &Self) -> u64 {
        let used = self.0.iter().map(|(thread, used)| used - earlier.0.get(thread).unwrap_or(&0).min(used));
        used.sum::<u64>() / 1_000
    }

    fn add(&mut self, process: u32) -> io::Result<()> {
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let thread = thread?;
            let Some(id) = thread.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let used = text.split_whitespace().next().and_then(|used| used.parse().ok());
            self.0.insert(id, used.ok_or_else(|| io::Error::other("schedstat holds no number"))?);
        }
        Ok(())
    }
}

/// The fourth field of `/proc/PID/stat` (proc(5)); the second, the name, may hold anything.
fn parent_of(process: u32) -> io::Result<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest);
    let parent = after_name.and_then(|rest| rest.split_whitespace().nth(1)).and_then(|id| id.parse().ok());
    parent.ok_or_else(|| io::Error::other("stat holds no parent"))
}
