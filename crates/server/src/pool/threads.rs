//! Threads for work that computes.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// How much less than the async workers threads with [`Share::Tenth`] press for a core, as `nice(2)` counts.
pub(super) const NICENESS: i32 = 10;

/// What computing takes of a core that the async workers want too. Of an idle one it takes all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Share {
    /// A tenth: it gets done on a machine that is full. But whoever has begun a slice keeps it, 1.4 ms on two cores, and
    /// an answer of 50 us waits for that.
    Tenth,
    /// Nothing (`SCHED_IDLE`): whoever wakes up has the core at once. `script/measure-bombs`: beside bombs of pictures and JSON
    /// the 99th percentile of a page is the quiet one, and was 3.7 times that with a tenth. On a machine that stays full some
    /// 0.3 % of a core is left, so an upload may end there by its time.
    Leftovers,
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that have stepped back, which one of a common pool could not undo. They start with the first work and stay as
/// long as the pool: what the allocator keeps for a thread that ends is not given to the next one. With a thread for each
/// piece of work, bombs of JSON came to 513 MiB.
pub(super) struct Threads {
    queue: mpsc::Sender<Job>,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    started: AtomicUsize,
    most: usize,
    share: Share,
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads")
            .field("started", &self.started)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl Threads {
    /// At most `most` of them.
    pub(super) fn new(most: usize, share: Share) -> Self {
        let (queue, jobs) = mpsc::channel();
        Self { queue, jobs: Arc::new(Mutex::new(jobs)), started: AtomicUsize::new(0), most, share }
    }

    /// Lets one of them do it, in turn.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let one_more = |started| (started < self.most).then_some(started + 1);
        if self.started.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok() {
            let jobs = Arc::clone(&self.jobs);
            let share = self.share;
            let spawned =
                thread::Builder::new().name("computing".to_owned()).spawn(move || work_off(&jobs, share));
            if let Err(refused) = spawned {
                self.started.fetch_sub(1, Ordering::Relaxed);
                return Err(refused);
            }
        }
        self.queue.send(Box::new(job)).map_err(|closed| io::Error::other(closed.to_string()))
    }
}

/// Works until the pool is gone.
fn work_off(jobs: &Mutex<mpsc::Receiver<Job>>, share: Share) {
    // Where the system forbids it, everybody is as eager as before.
    match share {
        Share::Tenth => drop(rustix::process::nice(NICENESS)),
        Share::Leftovers => {
            let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
            if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_err() {
                let _ = rustix::process::nice(NICENESS);
            }
        }
    }
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // Whoever waits for work that panicked hears of it: its channel closes.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}
