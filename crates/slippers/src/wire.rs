//! Where the parts are put together: the only place that names a concrete store, and all that touches the system's
//! sockets, threads and signals.

mod store;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use slippers_core::Store;
use slippers_server::outbound::{HyperClient, SmsGateway, SmtpPost, WebhookSettings, Webhooks};
use slippers_server::settings::{Configured, PaymentSettings, TraceExport};
use slippers_server::{Clock, Entropy, LogNotifier, Notifier, Notifiers, Server, SystemClock, SystemEntropy};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, Runtime};

use crate::config::{Config, MessageSettings, TlsFiles};
use crate::failure::Failure;
pub(crate) use store::{
    Copied, Pooler, PoolerVitals, ReplicaVitals, Vitals, Way, check_database, copy_database, database_exists,
    look_at_database, look_at_way, migration_status, open_store, sweep_commits, transfer, vitals,
};

/// The machine's clock.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The system's randomness.
pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy)
}

/// Threads for the server, or for one command.
pub(crate) fn runtime(workers: usize) -> Result<Runtime, Failure> {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().map_err(|error| {
        Failure::failed(
            format!("the threads can't be started: {error}"),
            "set a smaller WORKERS, or raise the limits",
        )
    })
}

/// An address that is ours: that it is taken shows before anything else is done.
pub(crate) enum Bound {
    /// It does not listen yet, so that nobody is kept waiting while the database is migrated.
    Own { socket: Socket, backlog: i32, setting: &'static str },
    /// Others have listened on it for us.
    Inherited(TcpListener),
}

/// Takes the address that a setting names.
pub(crate) fn bind(setting: &'static str, address: SocketAddr, backlog: i32) -> Result<Bound, Failure> {
    let bound = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // So that a restart need not wait for the last connections' TIME_WAIT; on Windows it would mean something else.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // [::] means every network, IPv4 too, whatever the system's default is.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(socket)
    };
    bound()
        .map(|socket| Bound::Own { socket, backlog, setting })
        .map_err(|error| not_bound(setting, address, &error))
}

impl Bound {
    /// The address, with the port that the system chose where none was named.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Inherited(listener) => listener.local_addr().ok(),
            Self::Own { socket, .. } => socket.local_addr().ok().and_then(|address| address.as_socket()),
        }
    }

    /// Starts to listen. Called inside a runtime.
    pub(crate) fn listen(self) -> Result<tokio::net::TcpListener, Failure> {
        let address = self.address();
        let (setting, listener) = match self {
            Self::Inherited(listener) => {
                // Whoever had it before may have kept newcomers out of it; mostly there is no filter, which is an error here.
                #[cfg(target_os = "linux")]
                let _ = socket2::SockRef::from(&listener).detach_filter();
                ("SLIPPERS_LISTEN", listener.set_nonblocking(true).map(|()| listener))
            }
            Self::Own { socket, backlog, setting } => {
                (setting, socket.listen(backlog).map(|()| socket.into()))
            }
        };
        listener.and_then(tokio::net::TcpListener::from_std).map_err(|error| {
            not_bound(setting, address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))), &error)
        })
    }
}

fn not_bound(setting: &str, address: SocketAddr, error: &io::Error) -> Failure {
    let (ip, port) = (address.ip(), address.port());
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::failed(
            format!("{setting}: {address} is in use by another program"),
            format!(
                "stop that program (ss -ltnp 'sport = :{port}' names it), or choose another port, {ip}:PORT"
            ),
        ),
        io::ErrorKind::PermissionDenied => Failure::failed(
            format!("{setting}: this user may not listen on port {port}"),
            "choose a port from 1024 on, put a proxy in front, or grant CAP_NET_BIND_SERVICE",
        ),
        io::ErrorKind::AddrNotAvailable => Failure::failed(
            format!("{setting}: this machine has no address {ip}"),
            "use an address of this machine, or 0.0.0.0 for all of its networks",
        ),
        _ => Failure::failed(
            format!("{setting}: can't listen on {address}: {error}"),
            "choose another address",
        ),
    }
}

/// How people are reached: as the settings say; else in a demo by the log. Without a way an admin approves forgotten
/// passwords.
fn notifiers(settings: &MessageSettings, is_demo: bool) -> Result<Notifiers, Failure> {
    let mut people: Option<Arc<dyn Notifier>> = None;
    let mut staff: Option<Arc<dyn Notifier>> = None;
    if let Some(sms) = &settings.sms {
        if sms.is_open_to_others() {
            tracing::warn!(
                "SMS_URL begins with http://: codes and keys can be read on their way; ask for https://"
            );
        }
        let client = HyperClient::new().map_err(|error| no_tls("SMS_URL", &error))?;
        people = Some(Arc::new(SmsGateway::new(sms.clone(), Arc::new(client))));
    }
    if let Some(smtp) = &settings.smtp {
        let post = SmtpPost::new(smtp.clone()).map_err(|error| no_tls("SMTP_URL", &error))?;
        let place = if smtp.reaches_people() { &mut people } else { &mut staff };
        *place = Some(Arc::new(post));
    }
    if is_demo && people.is_none() {
        people = Some(Arc::new(LogNotifier));
    }
    let webhooks = settings.webhooks.as_ref().map(webhooks).transpose()?;
    Ok(Notifiers { people, staff, retry_for: settings.retry_for, orders: settings.orders, webhooks })
}

fn webhooks(settings: &WebhookSettings) -> Result<Webhooks, Failure> {
    if settings.are_open_to_others() {
        tracing::warn!(
            "one of WEBHOOK_URLS begins with http://: what is told can be read on its way; ask for https://"
        );
    }
    Webhooks::new(settings.clone()).map_err(|error| no_tls("WEBHOOK_URLS", &error))
}

fn no_tls(setting: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(
        format!("{setting}: the system's certificate authorities can't be read: {error}"),
        "install the package ca-certificates, or name a file of them in SSL_CERT_FILE",
    )
}

/// The way to other people's servers. Certificate authorities are only needed where one of them is called by `https://`.
fn client(payments: &PaymentSettings, traces: Option<&TraceExport>) -> Result<HyperClient, Failure> {
    let is_safe = |setting: &'static str, url: &str| url.starts_with("https://").then_some(setting);
    let octo = match &payments.octo {
        Configured::Ready(octo) => is_safe("OCTO_API_BASE", &octo.base),
        Configured::Missing(_) => None,
    };
    let click = match &payments.click {
        Configured::Ready(click) => is_safe("CLICK_API_BASE", &click.api),
        Configured::Missing(_) => None,
    };
    let traces = traces.filter(|export| export.is_safe()).map(|_| "OTEL_EXPORTER_OTLP_ENDPOINT");
    match octo.or(click).or(traces) {
        Some(setting) => HyperClient::new().map_err(|error| no_tls(setting, &error)),
        None => HyperClient::without_tls()
            .map_err(|error| Failure::failed(format!("no other server can be called: {error}"), "report it")),
    }
}

/// A number a fifth more or less, so that processes that were started together are not followed together.
fn spread(number: u64, entropy: &dyn Entropy) -> u64 {
    let mut byte = [128];
    // Without randomness the number itself will do.
    let _ = entropy.fill(&mut byte);
    (number * 4 / 5 + number * 2 / 5 * u64::from(byte[0]) / 255).max(number.min(1))
}

/// Puts the server together.
pub(crate) fn server(config: &Config, store: Arc<dyn Store>, is_demo: bool) -> Result<Server, Failure> {
    let entropy = entropy();
    let secret = config.key.find_or_make(&*entropy)?;
    let notifiers = notifiers(&config.messages, is_demo)?;
    let mut settings = config.server_settings(secret);
    let client = Arc::new(client(&config.payments, settings.traces.as_ref())?);
    settings.connections.tls = config.tls.as_ref().map(TlsFiles::load).transpose()?;
    settings.connections.max_requests = spread(config.limit_max_requests, &*entropy);
    let server = Server::new(store, settings, clock(), entropy, notifiers, client);
    server.map_err(|error| {
        let fix = "see what the system says; those who vouch for a rediss:// come from the package ca-certificates, or from the \
                   file in SSL_CERT_FILE";
        Failure::failed(format!("the server can't be started: {error}"), fix)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_use_is_told_with_the_way_out() {
        let runtime = runtime(1).expect("a runtime");
        let _inside = runtime.enter();
        let first = bind("SLIPPERS_LISTEN", SocketAddr::from(([127, 0, 0, 1], 0)), 8)
            .expect("a free port")
            .listen()
            .expect("listening");
        let address = first.local_addr().expect("an address");
        let text =
            bind("SLIPPERS_LISTEN", address, 8).and_then(Bound::listen).expect_err("taken").to_string();
        assert!(text.contains(&format!("{address} is in use")) && text.contains("127.0.0.1:PORT"), "{text}");
    }

    #[test]
    fn an_address_of_another_machine_is_told() {
        let text = bind("SLIPPERS_LISTEN", SocketAddr::from(([192, 0, 2, 1], 0)), 8)
            .map(|_| ())
            .expect_err("not ours")
            .to_string();
        assert!(text.contains("no address 192.0.2.1"), "{text}");
    }
}
