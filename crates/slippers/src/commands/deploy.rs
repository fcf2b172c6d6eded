//! `slippers deploy`: the files of `deploy/`, filled in with this host's settings.
//!
//! The files in the repository are those of the usual settings, each whole and working as it is; what differs here is put in
//! the place of what stands there, so that there is no second language of templates.

use std::path::Path;

use super::healthcheck::reachable;
use crate::cli::{Deploy, Version};
use crate::config::{Config, Database};
use crate::console;
use crate::failure::Failure;

const SERVICE: &str = include_str!("../../../../deploy/systemd/slippers.service");
const SOCKET: &str = include_str!("../../../../deploy/systemd/slippers.socket");
const NGINX: &str = include_str!("../../../../deploy/nginx/slippers.conf");
const PGBOUNCER: &str = include_str!("../../../../deploy/pgbouncer/pgbouncer.ini");
const SCRAPE: &str = include_str!("../../../../deploy/prometheus/prometheus.yml");
const RULES: &str = include_str!("../../../../deploy/prometheus/slippers.rules.yml");
const SYSCTL: &str = include_str!("../../../../deploy/sysctl/60-slippers.conf");

/// The usual settings, as they stand in the files.
const LISTEN: &str = "127.0.0.1:8000";
const METRICS: &str = "127.0.0.1:9100";
const PROGRAM: &str = "/usr/local/bin/slippers";

pub(super) fn run(config: &Config, what: &Deploy) -> Result<(), Failure> {
    let text = match what {
        Deploy::Systemd { program } => systemd(config, program.as_deref()),
        Deploy::Nginx { tls_cert, tls_key, nginx_version } => {
            nginx(config, tls_cert.as_deref().zip(tls_key.as_deref()), *nginx_version)
        }
        Deploy::Pgbouncer => pgbouncer(config)?,
        Deploy::Prometheus => prometheus(config),
        Deploy::Grafana => slippers_server::metrics_dashboard(),
        Deploy::Sysctl => SYSCTL.replace("somaxconn = 4096", &format!("somaxconn = {}", config.backlog)),
    };
    console::say(text.trim_end());
    Ok(())
}

/// The service and the socket, one after the other, each under its path.
fn systemd(config: &Config, program: Option<&Path>) -> String {
    let program = program.unwrap_or(Path::new(PROGRAM));
    let metrics = config.metrics_listen.map_or(METRICS.to_owned(), |address| address.to_string());
    let service = SERVICE.replace(PROGRAM, &program.display().to_string()).replace(METRICS, &metrics);
    let socket = SOCKET
        .replace(LISTEN, &config.listen.to_string())
        .replace("Backlog=4096", &format!("Backlog={}", config.backlog));
    format!(
        "# == /etc/systemd/system/slippers.service\n{service}\n# == /etc/systemd/system/slippers.socket\n{socket}"
    )
}

/// Plain HTTP, or HTTPS with HTTP/2 where a certificate is named.
fn nginx(config: &Config, tls: Option<(&Path, &Path)>, version: Version) -> String {
    let filled = NGINX.replace(LISTEN, &reachable(config.listen).to_string());
    let Some((certificate, key)) = tls else { return filled };
    // The directive came with 1.25.1, where the parameter became deprecated.
    let listen =
        if version < Version(1, 25, 1) { "listen 443 ssl http2;" } else { "listen 443 ssl;\n    http2 on;" };
    let lines = format!(
        "{listen}\n    ssl_certificate {};\n    ssl_certificate_key {};\n    ssl_protocols TLSv1.2 TLSv1.3;\n    \
         ssl_session_cache shared:slippers:10m;\n    add_header Strict-Transport-Security max-age=31536000 always;",
        certificate.display(),
        key.display()
    );
    filled.replace("listen 80;", &lines)
}

/// PgBouncer before the PostgreSQL that the settings name, by `DATABASE_DIRECT_URL` where there is one.
fn pgbouncer(config: &Config) -> Result<String, Failure> {
    let Database::Postgres(server) = &config.database else {
        return Err(Failure::failed(
            "DATABASE_URL: the shop is on SQLite, which needs no PgBouncer",
            "move the shop with `slippers transfer`, then set DATABASE_URL",
        ));
    };
    let url = server.direct_url.as_ref().unwrap_or(&server.url).to_string();
    // `postgresql://USER@HOST:PORT/DATABASE`, without a password.
    let place = url.rsplit_once('@').map_or(url.as_str(), |(_, place)| place);
    let (server, database) = place.split_once('/').unwrap_or((place, "slippers"));
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "5432"));
    let line = format!("{database} = host={host} port={port} dbname={database}");
    Ok(PGBOUNCER.replace("slippers = host=127.0.0.1 port=5432 dbname=slippers", &line))
}

/// The configuration and the rules, one after the other, each under its name.
fn prometheus(config: &Config) -> String {
    let address = config.metrics_listen.map_or(METRICS.to_owned(), |address| reachable(address).to_string());
    let scrape = SCRAPE.replace(METRICS, &address);
    format!("# == /etc/prometheus/prometheus.yml\n{scrape}\n# == /etc/prometheus/slippers.rules.yml\n{RULES}")
}
