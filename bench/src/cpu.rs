//! What processes use of the processors.

use std::collections::HashMap;
use std::fs;
use std::io;

use crate::Outcome;

/// `stat` counts in hundredths of a second, on every Linux that this runs on.
const TICK_NANOS: u64 = 10_000_000;

/// What had been used at one moment, in nanoseconds: from `schedstat`, as a tick of `stat` is a tenth of a short round.
#[derive(Debug, Default)]
pub(crate) struct Cpu {
    /// By the threads of the process, as far as they live. One that has ended is forgotten: threads end when they have long been idle.
    threads: HashMap<u32, u64>,
    /// By a parent and its living children, processes of one thread each.
    family: u64,
    /// By children that have ended, in whole ticks.
    ended: u64,
}

impl Cpu {
    /// Of a process.
    ///
    /// # Errors
    /// When there is no such process, or no Linux to ask for it.
    pub(crate) fn of(process: u32) -> Outcome<Self> {
        let mut cpu = Self::default();
        for id in threads_of(process)? {
            match used_by(&format!("/proc/{process}/task/{id}")) {
                Ok(used) => drop(cpu.threads.insert(id, used)),
                // The first thread lives as long as the process; another may have ended since it was listed.
                Err(_) if id != process => {}
                Err(cause) => return Err(format!("/proc/{process}/schedstat: {cause}").into()),
            }
        }
        Ok(cpu)
    }

    /// Adds a server that has a process for each connection.
    ///
    /// # Errors
    /// As [`Cpu::of`].
    pub(crate) fn and_family(mut self, parent: u32) -> Outcome<Self> {
        for id in children_of(parent)? {
            // Whoever ends while this is read is counted by the parent, which is read last.
            self.family += used_by(&format!("/proc/{id}")).unwrap_or(0);
        }
        self.family += used_by(&format!("/proc/{parent}"))?;
        self.ended = (stat(parent, CHILDREN_USER)? + stat(parent, CHILDREN_SYSTEM)?) * TICK_NANOS;
        Ok(self)
    }

    /// Microseconds since an earlier moment.
    pub(crate) fn micros_since(&self, earlier: &Self) -> u64 {
        let of_thread =
            |(thread, used): (&u32, &u64)| used.saturating_sub(*earlier.threads.get(thread).unwrap_or(&0));
        let of_family = (self.family + self.ended).saturating_sub(earlier.family + earlier.ended);
        (self.threads.iter().map(of_thread).sum::<u64>() + of_family) / 1_000
    }
}

/// The threads of a process that live.
pub(crate) fn threads_of(process: u32) -> io::Result<Vec<u32>> {
    numbers_in(&format!("/proc/{process}/task"))
}

/// The living children of a process.
pub(crate) fn children_of(parent: u32) -> io::Result<Vec<u32>> {
    let is_child = |id: &u32| stat(*id, PARENT).is_ok_and(|of_it| of_it == u64::from(parent));
    Ok(numbers_in("/proc")?.into_iter().filter(is_child).collect())
}

/// The names in a folder that are numbers.
fn numbers_in(folder: &str) -> io::Result<Vec<u32>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(number_in(entry?.file_name().to_str())));
    names.filter_map(Result::transpose).collect()
}

/// The first number of a `schedstat`.
fn used_by(folder: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("{folder}/schedstat"))?;
    number_in(text.split_whitespace().next()).ok_or_else(|| io::Error::other("no number"))
}

/// Fields of `/proc/PID/stat` (proc(5)), counted from behind the name, which may hold anything.
const PARENT: usize = 1;
const CHILDREN_USER: usize = 13;
const CHILDREN_SYSTEM: usize = 14;

fn stat(process: u32, field: usize) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    number_in(after_name.split_whitespace().nth(field)).ok_or_else(|| io::Error::other("no such field"))
}

fn number_in<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}
