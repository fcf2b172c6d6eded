//! Several writes in one transaction, none of which can harm another.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;

use rusqlite::Connection;
use slippers_core::{Change, Entered, Listeners, StoreError};

use crate::db::Db;
use crate::error::interpret_error;

/// A write that waits for its transaction.
pub(crate) trait Job: Send {
    /// Whether somebody still waits for the outcome.
    fn is_wanted(&self) -> bool;
    /// Does the work and keeps the outcome; tells whether its changes are to stay. It may be run again when the
    /// transaction of the first run has ended without it.
    fn run(&mut self, db: &Db<'_>) -> bool;
    /// Its turn has come: what the thread does from now on, until the answer is dropped, is done for its request.
    fn enter(&mut self) -> Option<Entered>;
    /// Replaces the outcome by an error.
    fn fail(&mut self, error: StoreError);
    /// Tells the caller the outcome.
    fn answer(self: Box<Self>);
}

type Jobs = Vec<Box<dyn Job>>;

/// Runs the jobs in one transaction, each in a savepoint, and answers them after its commit. Answers how many
/// transactions it has tried to commit.
///
/// - A job that refuses or panics is undone; the others stay.
/// - An error that has ended the whole transaction is that job's own: the others are run again, each alone.
/// - If the commit fails, nothing stays and all are told [`StoreError::Unavailable`].
///
/// What the jobs have changed is told to the listeners after the commit and before anybody is answered.
pub(crate) fn run_batch(
    conn: &Connection,
    statements: &AtomicU64,
    listeners: &Listeners,
    mut jobs: Jobs,
) -> u64 {
    let batch = Batch { conn, statements, listeners, changes: RefCell::default() };
    match jobs.len() {
        0 => 0,
        1 => jobs.pop().map_or(0, |job| batch.alone(job)),
        _ => batch.together(jobs),
    }
}

struct Batch<'c> {
    conn: &'c Connection,
    statements: &'c AtomicU64,
    listeners: &'c Listeners,
    /// What the jobs of the open transaction have changed.
    changes: RefCell<Vec<Change>>,
}

impl Batch<'_> {
    fn together(&self, mut jobs: Jobs) -> u64 {
        if let Err(error) = self.control("BEGIN IMMEDIATE") {
            tracing::warn!(%error, "no transaction for {} writes", jobs.len());
            answer_all(jobs, &error.to_string());
            return 0;
        }
        let lost = jobs.iter_mut().position(|job| !self.in_savepoint(job.as_mut()));
        if let Some(lost) = lost {
            self.roll_back();
            jobs.remove(lost).answer();
            return 1 + self.one_by_one(jobs);
        }
        match self.commit() {
            Ok(()) => jobs.into_iter().for_each(Job::answer),
            Err(error) => {
                tracing::error!(%error, "the commit of {} writes failed", jobs.len());
                self.roll_back();
                answer_all(jobs, &format!("the commit failed: {error}"));
            }
        }
        1
    }

    /// Replays what a lost transaction has left. Where the database is locked by another process each BEGIN waits for
    /// [`BUSY_TIMEOUT`](crate::connection::BUSY_TIMEOUT), so one that fails speaks for those behind it.
    fn one_by_one(&self, jobs: Jobs) -> u64 {
        let mut transactions = 0;
        let mut jobs = jobs.into_iter().filter(|job| job.is_wanted());
        while let Some(job) = jobs.next() {
            match self.alone(job) {
                0 => {
                    answer_all(jobs.by_ref().collect(), "the database is locked");
                }
                tried => transactions += tried,
            }
        }
        transactions
    }

    /// Runs one of several; `false` when the transaction did not survive it.
    fn in_savepoint(&self, job: &mut dyn Job) -> bool {
        if let Err(error) = self.control("SAVEPOINT job") {
            job.fail(error);
            return false;
        }
        let kept = self.guarded(job);
        if self.conn.is_autocommit() {
            if kept {
                job.fail(StoreError::Other("the transaction ended under the write".to_owned()));
            }
            return false;
        }
        let undone = if kept { Ok(()) } else { self.control("ROLLBACK TO job") };
        if let Err(error) = undone.and_then(|()| self.control("RELEASE job")) {
            job.fail(error);
            return false;
        }
        true
    }

    fn alone(&self, mut job: Box<dyn Job>) -> u64 {
        if let Err(error) = self.control("BEGIN IMMEDIATE") {
            job.fail(error);
            job.answer();
            return 0;
        }
        let kept = self.guarded(job.as_mut());
        if self.conn.is_autocommit() {
            if kept {
                job.fail(StoreError::Other("the transaction ended under the write".to_owned()));
            }
        } else if !kept {
            self.roll_back();
        } else if let Err(error) = self.commit() {
            tracing::error!(%error, "the commit of a write failed");
            self.roll_back();
            job.fail(StoreError::Unavailable(format!("the commit failed: {error}")));
        }
        job.answer();
        1
    }

    /// A panic is a defect in one verb; it must not take the shop's only writer with it.
    fn guarded(&self, job: &mut dyn Job) -> bool {
        let _entered = job.enter();
        let db = Db::new(self.conn, self.statements);
        let kept = catch_unwind(AssertUnwindSafe(|| job.run(&db))).unwrap_or_else(|_| {
            tracing::error!("a write panicked and was undone");
            job.fail(StoreError::Other("the write panicked".to_owned()));
            false
        });
        if kept {
            self.changes.borrow_mut().extend(db.into_changes());
        }
        kept
    }

    /// Commits, then tells what was changed; also when the commit failed: whether it did is not always sure, and to be
    /// told in vain harms nobody.
    fn commit(&self) -> Result<(), StoreError> {
        let committed = self.control("COMMIT");
        self.listeners.tell(&self.changes.take());
        committed
    }

    fn roll_back(&self) {
        self.changes.borrow_mut().clear();
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.control("ROLLBACK") {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    /// Transaction control; not counted among the statements.
    fn control(&self, sql: &str) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(interpret_error)?;
        statement.execute([]).map_err(interpret_error)?;
        Ok(())
    }
}

fn answer_all(jobs: Jobs, reason: &str) {
    for mut job in jobs {
        job.fail(StoreError::Unavailable(reason.to_owned()));
        job.answer();
    }
}
