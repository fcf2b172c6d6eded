//! Other people's servers, as a story plays them: an SMS gateway and a mail server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::shop::{PATIENCE, eventually};

/// A request as the SMS gateway heard it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A mail as the mail server took it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
    pub(crate) login: String,
    pub(crate) is_secret: bool,
}

/// How a mail server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// Offers STARTTLS, and sign-in behind it.
    StartTls,
    /// Answers each mail that it is busy.
    Busy,
}

/// A server that keeps what it heard.
pub(crate) struct Gateway<T> {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<T>>>,
}

impl<T: Clone + Send + 'static> Gateway<T> {
    /// Serves each connection in a thread of its own, until the test process ends.
    fn open(serve: impl Fn(TcpStream, &dyn Fn(T)) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (serve, notes) = (serve.clone(), Arc::clone(&notes));
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                std::thread::spawn(move || serve(stream, &|note| lock(&notes).push(note)));
            }
        });
        Self { address, heard }
    }

    pub(crate) fn all(&self) -> Vec<T> {
        lock(&self.heard).clone()
    }

    /// The one of this number, from 1, once it is there.
    pub(crate) fn wait_for(&self, number: usize) -> T {
        eventually("the gateway hears of it", || lock(&self.heard).get(number - 1).cloned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port that nobody listens on, nor will: one that was free a moment ago may be another test's.
pub(crate) fn dead() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 1).into()
}

/// An SMS gateway that answers with these statuses, then with 200; status 0 is no answer at all.
pub(crate) fn sms(statuses: &[u16]) -> Gateway<Heard> {
    let statuses = Arc::new(Mutex::new(statuses.iter().rev().copied().collect::<Vec<_>>()));
    Gateway::open(move |stream, note| {
        let next = || lock(&statuses).pop().unwrap_or(200);
        answer(stream, note, next);
    })
}

/// A server that always answers with this status.
pub(crate) fn always(status: u16) -> Gateway<Heard> {
    Gateway::open(move |stream, note| answer(stream, note, || status))
}

/// The same behind TLS.
pub(crate) fn secret_sms(authority: &Authority) -> Gateway<Heard> {
    let config = Arc::clone(&authority.config);
    Gateway::open(move |stream, note| {
        let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
        answer(StreamOwned::new(session, stream), note, || 200);
    })
}

fn answer(mut stream: impl Read + Write, note: &dyn Fn(Heard), next: impl Fn() -> u16) {
    let Some(line) = read_line(&mut stream) else { return };
    let headers: Vec<(String, String)> = std::iter::from_fn(|| read_line(&mut stream))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, length)| length.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the whole body");
    // Before it is noted: who waits for that may bring the next request.
    let status = next();
    note(Heard { line, headers, body: String::from_utf8(body).expect("text") });
    match status {
        // Until the other side hangs up.
        0 => drop(read_line(&mut stream)),
        status => {
            let text = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            // Whoever asked may be gone.
            let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        }
    }
}

/// A mail server.
pub(crate) fn mail(kind: Kind, authority: Option<&Authority>) -> Gateway<Mail> {
    let config = authority.map(|authority| Arc::clone(&authority.config));
    Gateway::open(move |mut stream, note| {
        let _ = stream.write_all(b"220 story\r\n");
        if !take_mail(&mut stream, kind, note, Mail::default()) {
            return;
        }
        let config = config.clone().expect("STARTTLS needs an authority");
        let session = ServerConnection::new(config).expect("a session");
        let mail = Mail { is_secret: true, ..Mail::default() };
        take_mail(&mut StreamOwned::new(session, stream), kind, note, mail);
    })
}

/// One side of the dialogue; answers whether the other one wants TLS now.
fn take_mail(stream: &mut (impl Read + Write), kind: Kind, note: &dyn Fn(Mail), mut mail: Mail) -> bool {
    while let Some(line) = read_line(stream) {
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match (word, kind) {
            ("EHLO", Kind::StartTls) if mail.is_secret => "250-story\r\n250 AUTH PLAIN",
            ("EHLO", Kind::StartTls) => "250-story\r\n250 STARTTLS",
            ("EHLO", _) => "250 story",
            ("STARTTLS", _) => "220 go on",
            ("AUTH", _) => {
                rest.clone_into(&mut mail.login);
                "235 it is you"
            }
            ("MAIL", Kind::Busy) => "451 busy; ask for <+998> later",
            ("RCPT", _) => {
                mail.to.push(rest.trim_start_matches("TO:").to_owned());
                "250 ok"
            }
            ("DATA", _) => {
                let _ = stream.write_all(b"354 go on\r\n").and_then(|()| stream.flush());
                let lines = std::iter::from_fn(|| read_line(stream)).take_while(|line| line != ".");
                mail.text = lines.collect::<Vec<_>>().join("\n");
                note(mail.clone());
                "250 taken"
            }
            ("QUIT", _) => "221 bye",
            _ => "250 ok",
        };
        let sent = stream.write_all(format!("{answer}\r\n").as_bytes()).and_then(|()| stream.flush());
        if sent.is_err() || word == "QUIT" {
            return false;
        }
        if word == "STARTTLS" {
            return true;
        }
    }
    false
}

/// A line without its end; `None` when there is none. Nothing behind it is read, so that TLS can begin there.
fn read_line(stream: &mut impl Read) -> Option<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(1) if byte[0] == b'\n' => {
                let text = String::from_utf8(line).expect("text");
                return Some(text.trim_end_matches('\r').to_owned());
            }
            Ok(1) => line.push(byte[0]),
            _ => return None,
        }
    }
}

/// Somebody who vouches for servers on this machine.
pub(crate) struct Authority {
    config: Arc<ServerConfig>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a server");
        Self { config: Arc::new(config), pem: made.cert.pem() }
    }

    /// A file that makes a program trust it.
    #[expect(clippy::disallowed_methods, reason = "a story may wait for the disk")]
    pub(crate) fn file(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        std::fs::write(&path, &self.pem).expect("a file");
        path
    }
}
