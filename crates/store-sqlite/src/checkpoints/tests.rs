//! When the log comes into the file: never in a commit, and never too late.

use std::path::PathBuf;

use super::*;
use crate::connection::open_reader;

const PAGE: u64 = 4_096;
/// What a test waits for comes within milliseconds; this is for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

struct Fixture {
    _folder: tempfile::TempDir,
    path: PathBuf,
    writer: Connection,
    checkpoints: Checkpoints,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.db");
        let mut writer = open_writer(&path).expect("a connection");
        writer
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE filling (id INTEGER PRIMARY KEY, bytes BLOB)",
            )
            .expect("a table");
        let checkpoints = Checkpoints::of(&mut writer);
        Self { _folder: folder, path, writer, checkpoints }
    }

    /// Commits what takes so many pages, somewhat more in the log.
    fn commit(&self, pages: u32) {
        let sql = "INSERT OR REPLACE INTO filling VALUES (1, zeroblob(?1))";
        self.writer.execute(sql, [i64::from(pages) * 4_096]).expect("a commit");
    }

    fn pages_of_file(&self) -> u64 {
        self.path.metadata().expect("a file").len() / PAGE
    }

    fn pages_of_log(&self) -> u64 {
        self.path.with_extension("db-wal").metadata().expect("a log").len() / PAGE
    }

    fn log(&self) -> &Log {
        &self.checkpoints.beside.as_ref().expect("a thread").log
    }

    fn look(&mut self) {
        self.checkpoints.look(&self.writer);
    }

    /// Looks, as the writer does from time to time, until all but so many pages of the log are copied.
    fn look_until_rest(&mut self, most: u32) {
        let begun = Instant::now();
        while self.log().rest() > most {
            assert!(begun.elapsed() < PATIENCE, "{} pages are left", self.log().rest());
            self.look();
            std::thread::yield_now();
        }
    }

    /// Somebody who is in the middle of reading what is the latest now.
    fn reader(&self) -> Connection {
        let reader = open_reader(&self.path).expect("a connection");
        reader.execute_batch("BEGIN; SELECT id FROM filling").expect("begun");
        reader
    }

    /// Nobody is asked from now on, nor has ended.
    fn keep_the_thread_from_all(&mut self) -> Receiver<()> {
        let (ask, never_asked) = sync_channel(1);
        self.checkpoints.beside.as_mut().expect("a thread").ask = ask;
        never_asked
    }
}

fn end(reader: &Connection) {
    reader.execute_batch("COMMIT").expect("ended");
}

#[test]
fn a_commit_never_copies_the_log_and_a_look_after_it_does() {
    let mut fixture = Fixture::new();
    fixture.commit(LONG);
    assert!(fixture.pages_of_file() < 10, "{} pages", fixture.pages_of_file());
    fixture.look_until_rest(0);
    assert!(fixture.pages_of_file() >= u64::from(LONG), "{} pages", fixture.pages_of_file());
}

#[test]
fn a_short_log_stays() {
    let mut fixture = Fixture::new();
    let asked = fixture.keep_the_thread_from_all();
    fixture.commit(LONG / 2);
    fixture.look();
    assert!(asked.try_recv().is_err(), "the thread was asked");
    assert!(fixture.pages_of_file() < 10, "{} pages", fixture.pages_of_file());
}

#[test]
fn a_log_that_was_copied_begins_anew() {
    let mut fixture = Fixture::new();
    for round in 0..12 {
        // Also with a transaction that is as long as the log before.
        fixture.commit(LONG / 2 * (1 + round % 3));
        fixture.look_until_rest(LONG - 1);
    }
    assert!(fixture.pages_of_log() < u64::from(LONG) * 4, "{} pages", fixture.pages_of_log());
}

#[test]
fn what_was_written_during_a_pass_is_copied_in_another() {
    let fixture = Fixture::new();
    let (log, conn) = (fixture.log(), open_writer(&fixture.path).expect("a connection"));
    fixture.commit(LONG);
    let reader = fixture.reader();
    let mut passes = 0;
    in_passes(log, || {
        log.copy(&conn);
        passes += 1;
        if passes == 1 {
            // Behind what somebody reads, as behind a pass that is under way.
            fixture.commit(FEW);
            assert!((1..LONG).contains(&log.rest()), "{} pages", log.rest());
            end(&reader);
        }
    });
    assert_eq!((passes, log.rest()), (2, 0));
    fixture.commit(1);
    assert!(log.pages.load(Ordering::Relaxed) < FEW, "the log began anew");
}

#[test]
fn in_a_crowd_that_never_ends_passes_have_an_end() {
    let fixture = Fixture::new();
    let (log, conn) = (fixture.log(), open_writer(&fixture.path).expect("a connection"));
    fixture.commit(LONG);
    let mut passes = 0;
    in_passes(log, || {
        log.copy(&conn);
        passes += 1;
        fixture.commit(200 / passes);
    });
    assert_eq!(passes, u32::try_from(PASSES).expect("few"));
}

#[test]
fn the_writer_takes_a_last_pass_that_is_short() {
    let mut fixture = Fixture::new();
    let _asked = fixture.keep_the_thread_from_all();
    let conn = open_writer(&fixture.path).expect("a connection");
    fixture.commit(LONGEST);
    for (more, is_short) in [(2 * FEW, false), (FEW / 2, true)] {
        // The log can't begin anew while somebody reads it.
        let reader = fixture.reader();
        fixture.log().copy(&conn);
        assert_eq!(fixture.log().rest(), 0);
        fixture.commit(more);
        end(&reader);
        fixture.look();
        assert_eq!(fixture.log().rest() == 0, is_short, "{} pages", fixture.log().rest());
    }
    assert!(fixture.log().pages.load(Ordering::Relaxed) > LONGEST);
}

#[test]
fn who_writes_what_is_too_long_waits_for_the_pass() {
    let mut fixture = Fixture::new();
    let _asked = fixture.keep_the_thread_from_all();
    fixture.log().grew(TOO_LONG);
    let log = Arc::clone(&fixture.checkpoints.beside.as_ref().expect("a thread").log);
    let pass = log.lock();
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| fixture.look());
        for _ in 0..1_000 {
            std::thread::yield_now();
        }
        assert!(!looking.is_finished());
        drop(pass);
    });
}

#[test]
fn a_log_that_another_process_cut_is_short() {
    let fixture = Fixture::new();
    fixture.commit(LONG);
    let other = open_writer(&fixture.path).expect("another process");
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("cut");
    assert!(fixture.log().rest() >= LONG, "nobody has told it");
    fixture.log().copy(&open_writer(&fixture.path).expect("a connection"));
    assert_eq!(fixture.log().rest(), 0);
}

#[test]
fn a_thread_that_is_gone_is_not_waited_for() {
    let mut fixture = Fixture::new();
    drop(fixture.keep_the_thread_from_all());
    fixture.commit(LONG);
    fixture.look();
    assert_eq!(fixture.log().rest(), 0);
}

#[test]
fn who_reads_meanwhile_reads_on_and_the_log_is_copied_later() {
    let mut fixture = Fixture::new();
    let reader = open_reader(&fixture.path).expect("a connection");
    let seen = || reader.query_row("SELECT count(*) FROM filling", [], |row| row.get::<_, i64>(0));
    reader.execute_batch("BEGIN").expect("begun");
    assert_eq!(seen().expect("a count"), 0);
    for _ in 0..2 {
        fixture.commit(LONG);
        fixture.look();
    }
    assert_eq!(seen().expect("a count"), 0, "its own snapshot");
    reader.execute_batch("COMMIT").expect("ended");
    assert_eq!(seen().expect("a count"), 1);
    // Though nobody writes any more.
    fixture.look_until_rest(0);
}
