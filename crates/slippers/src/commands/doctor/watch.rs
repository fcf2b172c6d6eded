//! `slippers doctor --watch`: what happens in a running shop, once a second, from the listener of its metrics. Nothing is asked
//! of the database.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::commands::healthcheck::reachable;
use crate::config::Config;
use crate::failure::Failure;

/// From one look to the next.
const PERIOD: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
/// A page of metrics is some 100 KiB.
const MAX_PAGE: u64 = 16 << 20;
/// The bound of the histogram from which on a request counts as slow, in seconds.
const SLOW: f64 = 1.0;

/// Looks until Ctrl-C. On a terminal the view is drawn in its place; else each look is a line, so that it can be kept.
pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    let Some(address) = config.metrics_listen.map(reachable) else {
        return Err(Failure::misused(
            "METRICS_LISTEN is not set: there is nothing to watch",
            "set it for the shop and for this command (METRICS_LISTEN=127.0.0.1:9100), and start the shop again",
        ));
    };
    let is_terminal = io::stdout().is_terminal();
    let mut before = look(address).map_err(|error| unreachable(address, &error))?;
    let mut next = Instant::now();
    loop {
        next += PERIOD;
        // Nobody sends: it is the pace that is waited for.
        let (_keep, pace) = std::sync::mpsc::channel::<()>();
        let _ = pace.recv_timeout(next.saturating_duration_since(Instant::now()));
        let now = look(address).map_err(|error| unreachable(address, &error))?;
        let view = View::between(&before, &now);
        let text = if is_terminal { view.screen(address) } else { view.line() };
        let mut out = io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            // Whoever read it is gone.
            return Ok(());
        }
        before = now;
    }
}

fn unreachable(address: SocketAddr, error: &io::Error) -> Failure {
    Failure::failed(
        format!("no metrics at {address}: {error}"),
        "start the shop with the same METRICS_LISTEN, and see `slippers doctor`",
    )
}

/// A page of metrics at a moment.
struct Look {
    at: Instant,
    /// By name and labels, as they are written.
    values: BTreeMap<String, f64>,
}

fn look(address: SocketAddr) -> io::Result<Look> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_PAGE).read_to_string(&mut answer)?;
    let (head, page) = answer.split_once("\r\n\r\n").unwrap_or_default();
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other("that is no page of metrics"));
    }
    Ok(Look { at: Instant::now(), values: read(page) })
}

fn read(page: &str) -> BTreeMap<String, f64> {
    let samples = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// What happened between two looks, and how things are at the second.
#[derive(Debug, PartialEq)]
struct View {
    rate: f64,
    errors: f64,
    slow: f64,
    /// Milliseconds, as bounds of buckets; infinite beyond the last.
    quantiles: [f64; 3],
    in_use: f64,
    connections: f64,
    waiting: f64,
    hits: Option<f64>,
    clients: f64,
    resident: f64,
}

impl View {
    fn between(before: &Look, now: &Look) -> Self {
        let seconds = now.at.duration_since(before.at).as_secs_f64().max(0.001);
        let sum = |look: &Look, name: &str, label: &str| -> f64 {
            look.values
                .iter()
                .filter(|(key, _)| key.starts_with(name) && key.contains(label))
                .map(|(_, value)| value)
                .sum()
        };
        // A process that was followed by another begins anew.
        let grown = |name: &str, label: &str| (sum(now, name, label) - sum(before, name, label)).max(0.0);
        let is = |name: &str| sum(now, name, "");
        let buckets = buckets(before, now);
        let all = buckets.last().map_or(0.0, |(_, count)| *count);
        let fast = buckets.iter().find(|(bound, _)| *bound >= SLOW).map_or(all, |(_, count)| *count);
        let (hits, misses) =
            (grown("slippers_cache_hits_total", ""), grown("slippers_cache_misses_total", ""));
        Self {
            rate: grown("slippers_http_requests_total", "") / seconds,
            errors: grown("slippers_http_requests_total", "status=\"5xx\"") / seconds,
            slow: (all - fast) / seconds,
            quantiles: [0.5, 0.95, 0.99].map(|share| quantile(&buckets, share) * 1000.0),
            in_use: sum(now, "slippers_db_connections{", "in_use"),
            connections: is("slippers_db_connections_max"),
            waiting: is("slippers_db_waiting"),
            hits: (hits + misses > 0.0).then(|| hits * 100.0 / (hits + misses)),
            clients: is("slippers_connections_open"),
            resident: is("process_resident_memory_bytes"),
        }
    }

    /// One line, without a place on a screen.
    fn line(&self) -> String {
        let Self {
            rate,
            errors,
            slow,
            quantiles: [p50, p95, p99],
            in_use,
            connections,
            waiting,
            clients,
            ..
        } = self;
        format!(
            "rate={rate:.0}/s errors={errors:.0}/s slow={slow:.0}/s p50={p50}ms p95={p95}ms p99={p99}ms \
             pool={in_use}/{connections} waiting={waiting} cache={} clients={clients} memory={:.0}MiB\n",
            self.hit_ratio(),
            self.resident / 1_048_576.0
        )
    }

    /// The whole terminal.
    fn screen(&self, address: SocketAddr) -> String {
        let Self {
            rate,
            errors,
            slow,
            quantiles: [p50, p95, p99],
            in_use,
            connections,
            waiting,
            clients,
            ..
        } = self;
        // Home and clear: what the terminal held before is still above.
        format!(
            "\x1b[H\x1b[2J  the shop at {address}, Ctrl-C ends\n\n  requests   {rate:>9.0} /s\n  errors     {errors:>9.0} /s   \
             5xx\n  slow       {slow:>9.0} /s   a second or more\n\n  p50        {p50:>9} ms   or less\n  p95        {p95:>9} \
             ms\n  p99        {p99:>9} ms\n\n  pool       {in_use:>9} of {connections}, {waiting} wait\n  cache      {:>9} of \
             pages were there\n  clients    {clients:>9} connections\n  memory     {:>9.0} MiB\n",
            self.hit_ratio(),
            self.resident / 1_048_576.0
        )
    }

    fn hit_ratio(&self) -> String {
        self.hits.map_or("-".to_owned(), |percent| format!("{percent:.0}%"))
    }
}

/// The buckets of all routes together, each with what it and those below it grew by.
fn buckets(before: &Look, now: &Look) -> Vec<(f64, f64)> {
    let mut grown: Vec<(f64, f64)> = Vec::new();
    for (key, value) in &now.values {
        let Some(labels) = key.strip_prefix("slippers_http_request_duration_seconds_bucket") else {
            continue;
        };
        let bound = labels.rsplit_once("le=\"").map_or("", |(_, rest)| rest.trim_end_matches("\"}"));
        let bound = bound.parse().unwrap_or(f64::INFINITY);
        let growth = (value - before.values.get(key).unwrap_or(&0.0)).max(0.0);
        match grown.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
            Some((_, sum)) => *sum += growth,
            None => grown.push((bound, growth)),
        }
    }
    grown.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    grown
}

/// The bound below which that share lies; 0 when there was nothing.
fn quantile(buckets: &[(f64, f64)], share: f64) -> f64 {
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    if all <= 0.0 {
        return 0.0;
    }
    buckets.iter().find(|(_, count)| *count >= all * share).map_or(f64::INFINITY, |(bound, _)| *bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# TYPE x counter\nslippers_http_requests_total{route=\"/\",status=\"2xx\"} 100\n";
    const NOW: &str = "slippers_http_requests_total{route=\"/\",status=\"2xx\"} 290
slippers_http_requests_total{route=\"/x\",status=\"5xx\"} 10
slippers_http_request_duration_seconds_bucket{route=\"/\",le=\"0.001\"} 90
slippers_http_request_duration_seconds_bucket{route=\"/\",le=\"1\"} 96
slippers_http_request_duration_seconds_bucket{route=\"/\",le=\"2.5\"} 100
slippers_http_request_duration_seconds_bucket{route=\"/\",le=\"+Inf\"} 100
slippers_db_connections{state=\"idle\"} 5
slippers_db_connections{state=\"in_use\"} 3
slippers_db_connections_max 8
slippers_db_waiting 2
slippers_cache_hits_total 30
slippers_cache_misses_total 10
slippers_connections_open 4
process_resident_memory_bytes 52428800
";

    fn looks() -> (Look, Look) {
        let start = Instant::now();
        let look = |page, after| Look { at: start + Duration::from_secs(after), values: read(page) };
        (look(BEFORE, 0), look(NOW, 2))
    }

    #[test]
    fn two_looks_make_rates_quantiles_and_levels() {
        let (before, now) = looks();
        let view = View::between(&before, &now);
        assert_eq!(
            view.line(),
            "rate=100/s errors=5/s slow=2/s p50=1ms p95=1000ms p99=2500ms pool=3/8 waiting=2 cache=75% clients=4 memory=50MiB\n"
        );
        assert!(
            view.screen(SocketAddr::from(([127, 0, 0, 1], 9100))).contains("p99             2500 ms"),
            "{view:?}"
        );
    }

    #[test]
    fn a_shop_that_began_anew_or_does_nothing_shows_no_nonsense() {
        let (before, now) = looks();
        let backwards = View::between(
            &Look { at: before.at, values: now.values },
            &Look { at: now.at, values: before.values },
        );
        assert_eq!((backwards.rate, backwards.hits, backwards.quantiles), (0.0, None, [0.0; 3]));
        assert!(backwards.line().contains("cache=-"), "{}", backwards.line());
    }
}
