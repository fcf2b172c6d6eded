//! TLS to a server that has a certificate of an authority of ours.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use slippers_core::catalog::CatalogStore as _;
use slippers_core::types::SlipperId;
use slippers_core::{Change, ChangeListener, Store as _};
use slippers_store_contract::given::{NOW, new_category};
use slippers_store_postgres::{Address, OpenError, PostgresSettings, PostgresStore};
use slippers_testbed::postgres::{Database, Postgres};
use slippers_testbed::wait;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::PATIENCE;

/// An authority, whose certificate is in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &TempDir, name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let file = folder.path().join(name);
        write(&file, &certificate.pem());
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A server of this name, `localhost` or another.
    fn server(&self, name: &str) -> Postgres {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Postgres::builder().tls(certificate.pem(), key.serialize_pem()).start().expect("PostgreSQL")
    }
}

#[expect(clippy::disallowed_methods, reason = "a test that writes a file before anything is served")]
fn write(file: &std::path::Path, text: &str) {
    std::fs::write(file, text).expect("a file");
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// The address of a database by a name and with options.
fn url(database: &Database, options: &str) -> String {
    format!("{}?{options}", database.url().replace("127.0.0.1", "localhost"))
}

async fn open(url: String) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(&PostgresSettings { pool_size: 4, ..PostgresSettings::new(url) }).await
}

/// Whether connections of a shop are encrypted, `t` or `f`, each kind once.
const KINDS: &str = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
     WHERE datname = current_database() AND application_name LIKE 'slippers%'";

fn kinds(database: &Database) -> String {
    tokio::task::block_in_place(|| database.query(KINDS)).expect("an answer").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mode_encrypts_and_verifies_what_it_says() {
    let folder = folder();
    let (ours, other) = (Authority::new(&folder, "ca.crt"), Authority::new(&folder, "other.crt"));
    let (server, plain) =
        (ours.server("localhost"), slippers_testbed::postgres::shared().expect("PostgreSQL"));
    let (database, open_database) =
        (server.database().expect("a database"), plain.database().expect("a database"));
    let ca = |of: &Authority| format!("sslrootcert={}", of.file.display());
    for (options, kind) in [
        ("sslmode=disable".to_owned(), "f"),
        (String::new(), "t"),
        ("sslmode=prefer".to_owned(), "t"),
        ("ssl=require".to_owned(), "t"),
        (format!("sslmode=verify-full&{}", ca(&ours)), "t"),
    ] {
        let store = open(url(&database, &options)).await.unwrap_or_else(|error| panic!("{options}: {error}"));
        store.ping().await.expect("it answers");
        // The connection of the one before may not be gone yet.
        let seen =
            wait::until_async(PATIENCE, async || Some(kinds(&database)).filter(|seen| *seen == kind)).await;
        assert_eq!(seen.as_deref(), Some(kind), "{options}");
        store.close().await;
    }
    for (on, options, why, remedy) in [
        // Both of ours bear the same name.
        (&database, format!("sslmode=verify-full&{}", ca(&other)), "BadSignature", "in sslrootcert"),
        (&database, format!("sslmode=require&{}", ca(&other)), "BadSignature", "in sslrootcert"),
        (&database, "sslmode=verify-full".to_owned(), "UnknownIssuer", "in sslrootcert"),
        (&open_database, "sslmode=require".to_owned(), "does not support TLS", "ssl=on"),
    ] {
        let refused = open(url(on, &options)).await.expect_err(&options);
        let OpenError::Tls { of: Address::Shop, why: told, remedy: fix } = &refused else {
            panic!("{refused:?}")
        };
        assert!(told.contains(why) && fix.contains(remedy), "{options}: {told}: {fix}");
    }
    open(url(&open_database, "sslmode=prefer")).await.expect("what the server has not is not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_certificate_lacks_is_told() {
    let folder = folder();
    let ours = Authority::new(&folder, "ca.crt");
    let server = ours.server("db.shop.example");
    let database = server.database().expect("a database");
    let by = |mode: &str| url(&database, &format!("sslmode={mode}&sslrootcert={}", ours.file.display()));
    let refused = open(by("verify-full")).await.expect_err("another name");
    let OpenError::Tls { remedy, .. } = &refused else { panic!("{refused:?}") };
    assert!(remedy.contains("write the host as the server's certificate names it"), "{refused}: {remedy}");
    open(by("verify-ca")).await.expect("the authority is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_its_own_authority_is_trusted_by_its_file() {
    let folder = folder();
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    let file = folder.path().join("server.crt");
    write(&file, &certificate.pem());
    let server = Postgres::builder().tls(certificate.pem(), key.serialize_pem()).start().expect("PostgreSQL");
    let database = server.database().expect("a database");
    let options = format!("sslmode=verify-full&sslrootcert={}", file.display());
    open(url(&database, &options)).await.expect("it is the one that was named");
    let by_number = format!("{}?{options}", database.url());
    assert!(matches!(open(by_number).await, Err(OpenError::Tls { .. })), "127.0.0.1 is not its name");
}

struct Nobody;

impl ChangeListener for Nobody {
    fn changed(&self, _changes: &[Change]) {}
}

/// A way to a port that lets nobody through who does not begin with TLS.
async fn only_encrypted(to: u16) -> SocketAddr {
    const ASKS_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut first = [0; 8];
                if client.read_exact(&mut first).await.is_err() || first != ASKS_FOR_TLS {
                    return;
                }
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
                server.write_all(&first).await.expect("it hears");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

/// Connections of the pool, for migrations, for word of changes, and those that cancel: none goes in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_is_encrypted_and_a_cancel_too() {
    let folder = folder();
    let ours = Authority::new(&folder, "ca.crt");
    let server = ours.server("localhost");
    let database = server.database().expect("a database");
    let gate = only_encrypted(server.port()).await;
    let options = format!("sslmode=verify-full&sslrootcert={}", ours.file.display());
    let through =
        url(&database, &options).replace(&format!(":{}/", server.port()), &format!(":{}/", gate.port()));
    let store = open(through).await.expect("a store");
    let listener: Weak<Nobody> = Arc::downgrade(&Arc::new(Nobody));
    store.listen(listener);
    store
        .create_category(new_category("Домашние"), slippers_core::audit::By::CommandLine, NOW)
        .await
        .expect("a write");
    let asked =
        |sql: &str| tokio::task::block_in_place(|| database.query(sql)).expect("an answer").trim().to_owned();
    let until = async |what: &str, sql: &str, expected: &str| {
        let became = wait::until_async(PATIENCE, async || (asked(sql) == expected).then_some(()));
        assert!(became.await.is_some(), "{what}: {}", asked(sql));
    };
    until(
        "word of changes",
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slippers-listen'",
        "1",
    )
    .await;
    assert_eq!(kinds(&database), "t");

    // A read that waits for a lock until nobody waits for it.
    let (stranger, connection) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    stranger.batch_execute("BEGIN; LOCK TABLE slippers").await.expect("a lock");
    let reading = tokio::spawn({
        let store = store.clone();
        async move { store.find_slipper(SlipperId::new(1)).await }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until("a read waits", waiting, "1").await;
    reading.abort();
    until("it is cancelled", waiting, "0").await;
}
