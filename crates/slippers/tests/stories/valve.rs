//! A way to a server that can be made a black hole: whoever takes it is let in, and hears nothing more.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often those who wait in the black hole look whether it is one still.
const LOOK: Duration = Duration::from_millis(50);

/// A port that leads to a server, or nowhere.
pub(crate) struct Valve {
    address: SocketAddr,
    inside: Arc<Inside>,
}

struct Inside {
    is_open: AtomicBool,
    target: Mutex<Option<SocketAddr>>,
}

impl Valve {
    /// One that leads nowhere.
    pub(crate) fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let inside = Arc::new(Inside { is_open: AtomicBool::new(false), target: Mutex::new(None) });
        let shared = Arc::clone(&inside);
        // Until the test process ends.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let inside = Arc::clone(&shared);
                std::thread::spawn(move || inside.take(stream));
            }
        });
        Self { address, inside }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets what comes from now on through to this server (`http://127.0.0.1:port`). What came before hears nothing, and
    /// that its connection ended.
    pub(crate) fn lead_to(&self, url: &str) {
        let target = url.trim_start_matches("http://").parse().expect("an address");
        *self.inside.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
        self.inside.is_open.store(true, Ordering::SeqCst);
    }

    /// Swallows whatever is said from now on, on connections that are there already too.
    pub(crate) fn close(&self) {
        self.inside.is_open.store(false, Ordering::SeqCst);
    }
}

impl Inside {
    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::SeqCst)
    }

    fn take(self: Arc<Self>, client: TcpStream) {
        let target = *self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let server = target.filter(|_| self.is_open()).and_then(|target| TcpStream::connect(target).ok());
        let Some(server) = server else { return self.swallow(client) };
        let back = (server.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
        let inside = Arc::clone(&self);
        std::thread::spawn(move || inside.pass(back.0, back.1));
        self.pass(client, server);
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = [0; 8192];
        while let Ok(length) = from.read(&mut piece) {
            if !self.is_open() {
                return self.swallow(from);
            }
            if length == 0 || to.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    /// Reads on and says nothing, until the other side has enough or the valve is open.
    fn swallow(&self, mut stream: TcpStream) {
        stream.set_read_timeout(Some(LOOK)).expect("a timeout");
        let mut piece = [0; 8192];
        while !self.is_open() {
            match stream.read(&mut piece) {
                Ok(0) => return,
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
                _ => {}
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    }
}
