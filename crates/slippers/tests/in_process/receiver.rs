//! A receiver of webhooks in this process, whose mood a story sets.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it heard: the event's number, when it was sent, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) body: String,
}

/// It answers with a status, or not at all.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    mood: Arc<AtomicU16>,
}

/// The mood of one that takes a request and says nothing.
pub(crate) const SILENT: u16 = 0;

impl Receiver {
    /// Serves each connection in a thread of its own, until the test process ends.
    pub(crate) fn open(mood: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (heard, mood) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU16::new(mood)));
        let (notes, moods) = (Arc::clone(&heard), Arc::clone(&mood));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (notes, moods) = (Arc::clone(&notes), Arc::clone(&moods));
                std::thread::spawn(move || serve(stream, &notes, &moods));
            }
        });
        Self { address, heard, mood }
    }

    pub(crate) fn be(&self, mood: u16) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    pub(crate) fn all(&self) -> Vec<Heard> {
        self.heard.lock().expect("no poison").clone()
    }
}

fn serve(mut stream: TcpStream, notes: &Mutex<Vec<Heard>>, moods: &AtomicU16) {
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_default().to_owned()
    };
    let length = header("content-length").parse().expect("a length");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body");
    notes.lock().expect("no poison").push(Heard {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().expect("a time"),
        body: String::from_utf8(body).expect("text"),
    });
    match moods.load(Ordering::SeqCst) {
        // Until the other side hangs up.
        SILENT => drop(reader.read(&mut [0])),
        status => {
            let text = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            // Whoever asked may be gone.
            let _ = stream.write_all(text.as_bytes());
        }
    }
}
