//! What one write may do to another: nothing.

use std::sync::mpsc::{Receiver as Gate, Sender, channel};
use std::time::Instant;

use slippers_core::Constraint;
use tokio::sync::oneshot::error::TryRecvError;

use slippers_core::Listeners;

use super::*;
use crate::connection::{open_reader, open_writer};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (parent INTEGER NOT NULL REFERENCES parents (id));
    CREATE TABLE tally (n INTEGER NOT NULL);
    INSERT INTO tally VALUES (0);";

type Outcome = oneshot::Receiver<Result<i64, StoreError>>;

struct Fixture {
    folder: tempfile::TempDir,
    statements: Arc<AtomicU64>,
    listeners: Arc<Listeners>,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fixture = Self { folder, statements: Arc::default(), listeners: Arc::default() };
        fixture.writer_connection().execute_batch(SCHEMA).expect("a schema");
        fixture
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("test.db")
    }

    fn writer_connection(&self) -> Connection {
        open_writer(&self.path()).expect("a connection")
    }

    fn start(&self) -> Writer {
        Writer::start(
            self.writer_connection(),
            Arc::clone(&self.statements),
            Arc::clone(&self.listeners),
            Arc::default(),
        )
        .expect("a thread")
    }

    fn batch(&self, jobs: Vec<Box<dyn Job>>) -> u64 {
        let conn = self.writer_connection();
        let transactions = run_batch(&conn, &self.statements, &self.listeners, jobs);
        assert!(conn.is_autocommit(), "no transaction is left open");
        transactions
    }

    /// What a reader sees.
    fn count(&self, sql: &str) -> i64 {
        let conn = open_reader(&self.path()).expect("a connection");
        conn.query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    fn parents(&self) -> Vec<i64> {
        let conn = open_reader(&self.path()).expect("a connection");
        let mut all = conn.prepare("SELECT id FROM parents ORDER BY id").expect("a statement");
        all.query_map([], |row| row.get(0)).expect("rows").map(|id| id.expect("a number")).collect()
    }
}

fn job(work: impl FnMut(&Db<'_>) -> Result<i64, StoreError> + Send + 'static) -> (Box<dyn Job>, Outcome) {
    let (reply, outcome) = oneshot::channel();
    (Box::new(Verb { work, reply, outcome: None, turn: Turn::of_now() }), outcome)
}

fn add_parent(id: i64) -> (Box<dyn Job>, Outcome) {
    job(move |db| db.insert("INSERT INTO parents (id) VALUES (?1)", [id]))
}

fn refused(outcome: &mut Outcome) -> StoreError {
    outcome.try_recv().expect("an answer").expect_err("a refusal")
}

fn done(outcome: &mut Outcome) -> i64 {
    outcome.try_recv().expect("an answer").expect("a success")
}

#[test]
fn a_refusal_is_undone_and_leaves_the_others() {
    let fixture = Fixture::new();
    let (first, mut first_told) = add_parent(1);
    let (bad, mut bad_told) = job(|db| {
        db.insert("INSERT INTO parents (id) VALUES (2)", [])?;
        Err(StoreError::Other("no".to_owned()))
    });
    let (broken, mut broken_told) = add_parent(1);
    let (last, mut last_told) = add_parent(3);
    assert_eq!(fixture.batch(vec![first, bad, broken, last]), 1, "one transaction for all");
    assert_eq!((done(&mut first_told), done(&mut last_told)), (1, 3));
    assert!(matches!(refused(&mut bad_told), StoreError::Other(text) if text == "no"));
    assert!(matches!(refused(&mut broken_told), StoreError::Conflict(Constraint::Other)));
    assert_eq!(fixture.parents(), [1, 3]);
}

#[test]
fn an_error_that_ends_the_transaction_is_the_culprits_alone() {
    for ending in ["ROLLBACK", "INSERT OR ROLLBACK INTO parents (id) VALUES (1)"] {
        let fixture = Fixture::new();
        let (first, mut first_told) = add_parent(1);
        let (bad, mut bad_told) = job(move |db| {
            db.insert("INSERT INTO parents (id) VALUES (2)", [])?;
            db.run(ending, [])?;
            Ok(2)
        });
        let (last, mut last_told) = add_parent(3);
        let (refusing, mut refusing_told) = job(|_| Err(StoreError::Other("no".to_owned())));
        assert_eq!(fixture.batch(vec![first, bad, last, refusing]), 4, "the lost one and three alone");
        assert_eq!((done(&mut first_told), done(&mut last_told)), (1, 3), "{ending}");
        refused(&mut bad_told);
        refused(&mut refusing_told);
        assert_eq!(fixture.parents(), [1, 3], "{ending}");
    }
}

#[test]
fn a_transaction_that_ends_under_a_lone_write_is_an_error() {
    let fixture = Fixture::new();
    let (bad, mut bad_told) = job(|db| {
        db.insert("INSERT INTO parents (id) VALUES (2)", [])?;
        db.run("ROLLBACK", [])?;
        Ok(2)
    });
    fixture.batch(vec![bad]);
    assert!(matches!(refused(&mut bad_told), StoreError::Other(_)));
    assert_eq!(fixture.parents(), [0; 0]);
}

/// Breaks a foreign key in a way that SQLite only sees at the commit.
fn orphan() -> (Box<dyn Job>, Outcome) {
    job(|db| {
        db.run("PRAGMA defer_foreign_keys = ON", [])?;
        db.insert("INSERT INTO children (parent) VALUES (99)", [])
    })
}

#[test]
fn a_commit_that_fails_is_told_to_all_and_leaves_nothing() {
    let fixture = Fixture::new();
    let (first, mut first_told) = add_parent(1);
    let (bad, mut bad_told) = orphan();
    let (refusing, mut refusing_told) = job(|_| Err(StoreError::Other("no".to_owned())));
    fixture.batch(vec![first, bad, refusing]);
    for told in [&mut first_told, &mut bad_told, &mut refusing_told] {
        assert!(matches!(refused(told), StoreError::Unavailable(_)));
    }
    assert_eq!(fixture.parents(), [0; 0]);
    assert_eq!(fixture.count("SELECT count(*) FROM children"), 0);
}

#[test]
fn a_lone_commit_that_fails_leaves_nothing() {
    let fixture = Fixture::new();
    let (bad, mut bad_told) = orphan();
    fixture.batch(vec![bad]);
    assert!(matches!(refused(&mut bad_told), StoreError::Unavailable(_)));
    assert_eq!(fixture.count("SELECT count(*) FROM children"), 0);
}

#[test]
fn a_panic_is_undone_and_leaves_the_others() {
    let fixture = Fixture::new();
    let (first, mut first_told) = add_parent(1);
    let (bad, mut bad_told) = job(|db| {
        db.insert("INSERT INTO parents (id) VALUES (2)", [])?;
        panic!("a defect");
    });
    let (last, mut last_told) = add_parent(3);
    fixture.batch(vec![first, bad, last]);
    assert!(matches!(refused(&mut bad_told), StoreError::Other(_)));
    assert_eq!((done(&mut first_told), done(&mut last_told)), (1, 3));
    let (alone, mut alone_told) = job(|_| panic!("a defect"));
    fixture.batch(vec![alone]);
    assert!(matches!(refused(&mut alone_told), StoreError::Other(_)));
    assert_eq!(fixture.parents(), [1, 3]);
}

/// Keeps the writer at work until the sender is dropped or sends.
fn blocked(writer: &Writer) -> (Sender<()>, Outcome) {
    let (open, gate): (_, Gate<()>) = channel();
    let (entered, has_entered) = channel();
    let (blocking, told) = job(move |_| {
        let _ = entered.send(());
        let _ = gate.recv();
        Ok(0)
    });
    writer.enqueue(blocking).expect("a place in the queue");
    has_entered.recv().expect("the writer takes it");
    (open, told)
}

#[test]
fn a_full_queue_refuses_at_once() {
    let fixture = Fixture::new();
    let writer = fixture.start();
    let (open, _told) = blocked(&writer);
    let waiting: Vec<Outcome> = (0..QUEUE)
        .map(|_| {
            let (job, told) = job(|db| db.insert("UPDATE tally SET n = n + 1", []));
            writer.enqueue(job).expect("a place in the queue");
            told
        })
        .collect();
    let (one_more, _) = add_parent(1);
    let started = Instant::now();
    assert!(matches!(writer.enqueue(one_more), Err(StoreError::Unavailable(_))));
    assert!(started.elapsed() < Duration::from_secs(1), "it does not wait");
    drop(open);
    writer.close();
    for mut told in waiting {
        done(&mut told);
    }
    assert_eq!(fixture.count("SELECT n FROM tally"), 1024);
    assert!(writer.transactions() <= 2 + 1024 / 64, "{} transactions", writer.transactions());
}

#[test]
fn a_write_whose_caller_is_gone_is_not_begun() {
    let fixture = Fixture::new();
    let writer = fixture.start();
    let (open, _told) = blocked(&writer);
    let (abandoned, told) = add_parent(1);
    drop(told);
    let (kept, _still_there) = add_parent(2);
    writer.enqueue(abandoned).expect("a place in the queue");
    writer.enqueue(kept).expect("a place in the queue");
    drop(open);
    writer.close();
    assert_eq!(fixture.parents(), [2]);
}

#[test]
fn closing_finishes_what_is_queued_and_refuses_the_rest() {
    let fixture = Fixture::new();
    let writer = fixture.start();
    let (open, mut first_told) = blocked(&writer);
    let (queued, mut queued_told) = add_parent(1);
    writer.enqueue(queued).expect("a place in the queue");
    std::thread::scope(|scope| {
        scope.spawn(|| writer.close());
        assert!(matches!(queued_told.try_recv(), Err(TryRecvError::Empty)), "not yet");
        drop(open);
    });
    assert_eq!((done(&mut first_told), done(&mut queued_told)), (0, 1));
    let (late, _) = add_parent(2);
    assert!(matches!(writer.enqueue(late), Err(StoreError::Unavailable(_))));
    writer.close();
    let log = fixture.path().with_extension("db-wal");
    assert!(log.metadata().map_or(0, |log| log.len()) == 0, "the log is folded in");
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_at_once_are_all_counted_in_fewer_transactions() {
    let fixture = Fixture::new();
    let writer = Arc::new(fixture.start());
    let (open, _told) = blocked(&writer);
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            let writer = Arc::clone(&writer);
            let increment = |db: &Db<'_>| db.run("UPDATE tally SET n = n + 1", []);
            tokio::spawn(async move { writer.run(increment).await })
        })
        .collect();
    drop(open);
    for task in tasks {
        task.await.expect("no panic").expect("an increment");
    }
    assert_eq!(fixture.count("SELECT n FROM tally"), 500);
    assert!(writer.transactions() < 500, "{} transactions", writer.transactions());
}
