//! A new process for an old one, under load, and nobody notices.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::{command, successors};
use crate::rows::Rows;
use crate::shop::{PATIENCE, Shop, eventually};

const RESTARTS: usize = 20;
/// Visitors on connections that they keep, and as many on one for each request.
const VISITORS: usize = 3;
/// From one request of a visitor to the next, whether or not the last one was answered by then.
const PACE: Duration = Duration::from_millis(20);

/// One request on a connection; whether the connection may be used again.
fn ask(stream: &mut TcpStream, kept: bool) -> io::Result<bool> {
    let connection = if kept { "keep-alive" } else { "close" };
    write!(stream, "GET /slippers/ HTTP/1.1\r\nhost: shop\r\nconnection: {connection}\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if !head.starts_with("http/1.1 200 ") {
                return Err(io::Error::other(format!("answered {head}")));
            }
            if body.len() >= length.unwrap_or(usize::MAX) {
                return Ok(kept && !head.contains("connection: close"));
            }
        }
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other(format!("closed after {text:?}"))),
            count => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Asks at a steady pace until it is over; answers what failed.
fn visit(address: SocketAddr, kept: bool, over: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let (tell, waits) = std::sync::mpsc::channel::<()>();
    let mut open: Option<TcpStream> = None;
    let (mut failed, mut next) = (Vec::new(), Instant::now());
    while !over.load(Ordering::SeqCst) {
        let asked = open.take().map_or_else(|| connect(address), Ok).and_then(|mut stream| {
            let goes_on = ask(&mut stream, kept)?;
            Ok(goes_on.then_some(stream))
        });
        match asked {
            Ok(stream) => {
                open = stream;
                answered.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => failed.push(error.to_string()),
        }
        next += PACE;
        // Nobody tells: it is the pace that is waited for.
        let _ = waits.recv_timeout(next.saturating_duration_since(Instant::now()));
    }
    drop(tell);
    failed
}

/// Runs `restart` that often while visitors come and go; none of them may notice.
fn under_load(address: SocketAddr, mut restart: impl FnMut(usize)) {
    let (answered, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failed: Vec<String> = std::thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS * 2)
            .map(|number| {
                scope.spawn({
                    let (over, answered) = (&over, &answered);
                    move || visit(address, number % 2 == 0, over, answered)
                })
            })
            .collect();
        let ended = Ends(&over);
        for number in 0..RESTARTS {
            let before = answered.load(Ordering::SeqCst);
            restart(number);
            // Each of them has served some.
            eventually("it answers", || {
                (answered.load(Ordering::SeqCst) > before + VISITORS * 2).then_some(())
            });
        }
        drop(ended);
        visitors.into_iter().flat_map(|visitor| visitor.join().expect("a visitor")).collect()
    });
    assert_eq!(failed, Vec::<String>::new(), "after {} good answers", answered.into_inner());
}

/// Ends the load, also when the story fails.
struct Ends<'o>(&'o AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).output();
    assert!(sent.expect("kill runs").status.success(), "{name} to {process}");
}

fn successor(shop: &Shop, number: usize) -> u32 {
    eventually("it is handed over", || successors(&shop.said()).get(number).copied())
}

#[test]
fn twenty_processes_follow_each_other_by_a_signal_and_nobody_is_refused() {
    let shop = Shop::open_with(&[("SLIPPERS_LOG", "warn,slippers=info")]);
    let mut current = shop.process_id();
    under_load(shop.address(), |number| {
        signal(current, "USR2");
        current = successor(&shop, number);
    });
    assert_eq!(successors(&shop.said()).len(), RESTARTS);
}

#[test]
fn a_successor_reads_its_settings_anew_and_one_that_can_not_start_changes_nothing() {
    let shop = Shop::open_with(&[("SLIPPERS_LOG", "warn,slippers=info")]);
    let settings = shop.data_dir().join(".env");
    let write = |text: &str| {
        let mut file = std::fs::File::create(&settings).expect("a file");
        file.write_all(text.as_bytes()).expect("it can be written");
    };
    write("ORDER_MAX_OPEN=many\n");
    signal(shop.process_id(), "HUP");
    eventually("it says why not", || shop.said().contains("no successor").then_some(()));
    assert!(shop.said().contains("ORDER_MAX_OPEN"), "{}", shop.said());
    shop.get("/health").expect(200);
    write("CACHE_S_MAXAGE_SEC=7\n");
    signal(shop.process_id(), "HUP");
    successor(&shop, 0);
    eventually("the new settings hold", || {
        let answer = shop.get("/slippers/").expect(200);
        answer.header("cache-control").is_some_and(|value| value.contains("s-maxage=7")).then_some(())
    });
}

#[test]
fn after_so_many_requests_a_fresh_process_follows() {
    let shop = Shop::open_with(&[("SLIPPERS_LOG", "warn,slippers=info"), ("LIMIT_MAX_REQUESTS", "50")]);
    let mut asked = 0;
    eventually("it is handed over", || {
        shop.get("/health/live").expect(200);
        asked += 1;
        successors(&shop.said()).first().copied()
    });
    assert!(asked >= 40, "a fifth less at the most, but it was after {asked}");
}

/// What systemd does for a unit with a socket: it listens, starts the program with the socket as descriptor 3, and hears what
/// it says.
struct Unit {
    dir: TempDir,
    settings: Vec<(String, String)>,
    listener: TcpListener,
    heard: Arc<Mutex<String>>,
    rows: Rows,
}

impl Unit {
    fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("a socket");
        let heard = Arc::<Mutex<String>>::default();
        let into = Arc::clone(&heard);
        // It hears until the test's process ends: nobody who speaks may have to wait.
        std::thread::spawn(move || {
            let mut message = [0; 4096];
            while let Ok(length) = socket.recv(&mut message) {
                let text = String::from_utf8_lossy(message.get(..length).unwrap_or_default()).into_owned();
                let mut heard = into.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push_str(text.trim_end());
                heard.push('\n');
            }
        });
        let rows = Rows::of_stories(dir.path());
        let mut settings = rows.settings();
        settings.push(("RATE_LIMIT_REQUESTS".to_owned(), "1000000".to_owned()));
        settings.push(("SLIPPERS_LOG".to_owned(), "warn".to_owned()));
        Self { dir, settings, listener: TcpListener::bind("127.0.0.1:0").expect("a port"), heard, rows }
    }

    fn start(&self) -> Started {
        self.start_as(Path::new(command(self.dir.path(), &self.settings).get_program()))
    }

    /// Starts the program by this name.
    fn start_as(&self, name: &Path) -> Started {
        let program = command(self.dir.path(), &self.settings);
        // The shell takes the listener to its place, and becomes the program.
        let script = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve";
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).arg(name).env_clear().current_dir(self.dir.path());
        shell.env("NOTIFY_SOCKET", self.dir.path().join("notify")).env("WATCHDOG_USEC", "200000");
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let listener = OwnedFd::from(self.listener.try_clone().expect("a copy"));
        shell.stdin(Stdio::from(listener)).stdout(Stdio::null());
        Started(shell.spawn().expect("sh runs"))
    }

    /// The lines that begin so, without that beginning.
    fn heard(&self, word: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.lines().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect()
    }

    /// Waits until the program has said this to systemd so many times.
    fn hears(&self, word: &str, times: usize) {
        eventually(word, || (self.heard(word).len() >= times).then_some(()));
    }

    /// Has a successor follow the only program that was started, and waits until that one has ended.
    fn hand_over(&self, mut started: Started) -> Process {
        self.hears("READY=1", 1);
        signal(started.0.id(), "USR2");
        let next = eventually("the new main process", || self.heard("MAINPID=").pop());
        let next = Process(next.parse().expect("a process id"));
        eventually("the old one ends", || started.0.try_wait().expect("it can be waited for"));
        next
    }
}

struct Started(Child);

impl Started {
    fn terminate(mut self) {
        signal(self.0.id(), "TERM");
        let ended = eventually("it ends", || self.0.try_wait().expect("it can be waited for"));
        assert_eq!(ended.code(), Some(0));
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn twenty_restarts_behind_a_socket_of_systemd_and_nobody_is_refused() {
    let unit = Unit::new();
    let address = unit.listener.local_addr().expect("an address");
    let mut current = Some(unit.start());
    unit.hears("READY=1", 1);
    under_load(address, |number| {
        current.take().expect("it runs").terminate();
        current = Some(unit.start());
        unit.hears("READY=1", number + 2);
    });
    assert!(!unit.rows.ask("SELECT COUNT(*) FROM users").is_empty());
}

#[test]
fn systemd_hears_when_it_is_ready_lives_and_stops() {
    let unit = Unit::new();
    let started = unit.start();
    unit.hears("READY=1", 1);
    unit.hears("WATCHDOG=1", 2);
    started.terminate();
    unit.hears("STOPPING=1", 1);
}

#[test]
fn systemd_hears_who_follows_and_that_one_gives_the_signs_of_life() {
    let unit = Unit::new();
    let started = unit.start();
    let old = started.0.id();
    let next = unit.hand_over(started);
    assert_ne!(next.0, old);
    let lives = unit.heard("WATCHDOG=1").len();
    unit.hears("WATCHDOG=1", lives + 2);
}

/// systemd keeps its socket also when the process that ends did not get it from systemd itself.
#[test]
fn a_successor_leaves_the_socket_of_systemd_as_it_was() {
    let unit = Unit::new();
    let next = unit.hand_over(unit.start());
    signal(next.0, "TERM");
    // Nobody here is its parent; without a program it has ended.
    let program = format!("/proc/{}/exe", next.0);
    eventually("it ends", || (!Path::new(&program).exists()).then_some(()));
    let address = unit.listener.local_addr().expect("an address");
    let mut waits = TcpStream::connect_timeout(&address, PATIENCE).expect("it waits in the queue");
    waits.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let _again = unit.start();
    assert!(!ask(&mut waits, false).expect("an answer"));
}

/// Two versions side by side and a link to one of them, as docs/operations.md has it.
#[test]
fn a_link_is_moved_to_another_version_and_back_with_a_reload_each() {
    let unit = Unit::new();
    let program = PathBuf::from(command(unit.dir.path(), &[]).get_program());
    // Where programs can be run, and versions cost no room.
    let beside = TempDir::new_in(program.parent().expect("a folder")).expect("a folder");
    let folder = beside.path().canonicalize().expect("a folder");
    let run = |name: &str, arguments: &[&OsStr]| {
        let status = Command::new(name).args(arguments).current_dir(&folder).status().expect("it runs");
        assert!(status.success(), "{name} {arguments:?}");
    };
    for version in ["1.4.0", "1.5.0"] {
        run("mkdir", &[version.as_ref()]);
        run("ln", &[program.as_ref(), format!("{version}/slippers").as_ref()]);
    }
    let upgrade = |to: &str| run("ln", &["-sfn".as_ref(), to.as_ref(), "current".as_ref()]);
    let runs = |process: u32| Path::new(&format!("/proc/{process}/exe")).canonicalize().expect("a program");

    upgrade("1.4.0");
    let started = unit.start_as(&folder.join("current/slippers"));
    unit.hears("READY=1", 1);
    assert_eq!(runs(started.0.id()), folder.join("1.4.0/slippers"));
    let mut current = started.0.id();
    let mut followers = Vec::new();
    for version in ["1.5.0", "1.4.0"] {
        upgrade(version);
        signal(current, "HUP");
        let next =
            eventually("the new main process", || unit.heard("MAINPID=").get(followers.len()).cloned());
        current = next.parse().expect("a process id");
        followers.push(Process(current));
        assert_eq!(runs(current), folder.join(version).join("slippers"));
        let mut stream = connect(unit.listener.local_addr().expect("an address")).expect("it listens");
        ask(&mut stream, false).expect("an answer");
    }
}

/// A process that no story may leave behind.
struct Process(u32);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = Command::new("kill").args(["-KILL", &self.0.to_string()]).output();
    }
}
