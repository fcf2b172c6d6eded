//! On which processor who begins.

use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Outcome;

/// Two processors, on which who is asked and who asks begin apart. Left alone, the system keeps a shop for a minute where it happens
/// to be, and two processors of a machine that is shared with others are not alike: the same page took 0.85 to 1.36 times as
/// long. Kept on one for good, a shop takes a third more, as its threads get into each other's way.
pub(crate) struct Cores {
    asked: usize,
    asking: usize,
    /// All that this program may use.
    all: CpuSet,
}

impl Cores {
    /// The first two that this program may use; none where there is one.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn two() -> Outcome<Option<Self>> {
        let all = sched_getaffinity(None)?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|&core| all.is_set(core));
        let two = allowed.next().zip(allowed.next());
        Ok(two.map(|(asked, asking)| Self { asked, asking, all }))
    }

    /// Keeps these threads to the one and the thread that calls to the other, and what they start with them. A thread that sleeps
    /// goes there when it wakes up.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn part(&self, threads: &[u32]) -> Outcome<()> {
        keep(threads, &only(self.asked))?;
        Ok(sched_setaffinity(None, &only(self.asking))?)
    }

    /// Lets them go anywhere from where they are.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn release(&self, threads: &[u32]) -> Outcome<()> {
        keep(threads, &self.all)?;
        Ok(sched_setaffinity(None, &self.all)?)
    }

    /// Changes their places, for the next time.
    pub(crate) const fn swap(&mut self) {
        std::mem::swap(&mut self.asked, &mut self.asking);
    }
}

fn keep(threads: &[u32], to: &CpuSet) -> Outcome<()> {
    for &thread in threads {
        match sched_setaffinity(Pid::from_raw(i32::try_from(thread)?), to) {
            // It has ended since it was listed, or is a server's that runs as another user, where root may not do everything.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(cause) => return Err(format!("thread {thread} stays where it is: {cause}").into()),
        }
    }
    Ok(())
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}
