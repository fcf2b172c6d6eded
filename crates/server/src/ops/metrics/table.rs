//! Every metric there is, in one table: the page that Prometheus reads, `docs/metrics.md` and the dashboard are made of it.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows, from the start of the process on.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations by buckets ([`BUCKETS`](super::requests::BUCKETS)).
    Histogram,
}

impl Kind {
    /// The word of the exposition format.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A row of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Rate, errors, duration.
    Traffic,
    /// How full things are.
    Saturation,
    /// Kept pages.
    Cache,
    /// What it is all for.
    Business,
    /// The process.
    Process,
}

impl Group {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 5] =
        [Self::Business, Self::Traffic, Self::Saturation, Self::Cache, Self::Process];

    /// Its headline.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Traffic => "Requests",
            Self::Saturation => "How full it is",
            Self::Cache => "Kept pages",
            Self::Business => "The shop",
            Self::Process => "The process",
        }
    }
}

/// A line of a panel: its name, and the PromQL that draws it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    /// The line's name, in Grafana's words (`{{label}}`).
    pub(crate) legend: &'static str,
    /// What it shows.
    pub(crate) promql: &'static str,
}

/// One metric.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Its name, with the unit.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) kind: Kind,
    /// The names of its labels; each has a bounded set of values.
    pub(crate) labels: &'static [&'static str],
    /// What it tells.
    pub(crate) help: &'static str,
    /// Where the dashboard shows it.
    pub(crate) group: Group,
    /// The unit of its panel, in Grafana's words.
    pub(crate) unit: &'static str,
    /// How the dashboard shows it.
    pub(crate) queries: &'static [Query],
}

macro_rules! metrics {
    ($($item:ident $name:literal $kind:ident [$($label:literal),*] $group:ident $unit:literal $help:literal
        $($legend:literal => $promql:literal),+;)*) => {
        $(
            #[doc = $help]
            pub(crate) const $item: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
                group: Group::$group,
                unit: $unit,
                queries: &[$(Query { legend: $legend, promql: $promql }),+],
            };
        )*
        /// Every metric, in the order in which they are exposed.
        pub(crate) const ALL: &[&Metric] = &[$(&$item),*];
    };
}

metrics! {
    BUILD "slippers_build_info" Gauge ["version"] Process "none"
        "1, with the program's version."
        "{{version}}" => "count by (version) (slippers_build_info)";
    REQUESTS "slippers_http_requests_total" Counter ["route", "method", "status"] Traffic "reqps"
        "Requests answered, by route template, method and class of status; the route is empty where no route matched."
        "{{status}}" => "sum by (status) (rate(slippers_http_requests_total[5m]))";
    DURATIONS "slippers_http_request_duration_seconds" Histogram ["route"] Traffic "s"
        "Time from a request's head to its answer's head."
        "p50" => "histogram_quantile(0.5, sum by (le) (rate(slippers_http_request_duration_seconds_bucket[5m])))",
        "p95" => "histogram_quantile(0.95, sum by (le) (rate(slippers_http_request_duration_seconds_bucket[5m])))",
        "p99" => "histogram_quantile(0.99, sum by (le) (rate(slippers_http_request_duration_seconds_bucket[5m])))";
    IN_FLIGHT "slippers_http_requests_in_flight" Gauge [] Traffic "none"
        "Requests at work; pages that are kept are answered before they could count."
        "at work" => "sum(slippers_http_requests_in_flight)";
    ABANDONED "slippers_http_requests_abandoned_total" Counter [] Traffic "reqps"
        "Requests whose client went away before there was an answer."
        "gone" => "sum(rate(slippers_http_requests_abandoned_total[5m]))";
    ERRORS "slippers_errors_total" Counter ["code"] Traffic "reqps"
        "Answers that are errors, by the code of docs/errors.md."
        "{{code}}" => "sum by (code) (rate(slippers_errors_total[5m]))";
    CONNECTIONS "slippers_connections_open" Gauge [] Saturation "none"
        "Open connections of clients."
        "open" => "sum(slippers_connections_open)";
    CONNECTIONS_MAX "slippers_connections_max" Gauge [] Saturation "percentunit"
        "Connections that may be open at once; further ones wait in the listener's queue."
        "used" => "sum(slippers_connections_open) / sum(slippers_connections_max)";
    ACCEPTED "slippers_connections_accepted_total" Counter [] Saturation "cps"
        "Connections of clients that were accepted."
        "accepted" => "sum(rate(slippers_connections_accepted_total[5m]))";
    DB_CONNECTIONS "slippers_db_connections" Gauge ["state"] Saturation "none"
        "Connections to the database, idle and in use."
        "{{state}}" => "sum by (state) (slippers_db_connections)";
    DB_CONNECTIONS_MAX "slippers_db_connections_max" Gauge [] Saturation "percentunit"
        "Connections to the database that may be open at once."
        "used" => "sum(slippers_db_connections{state=\"in_use\"}) / sum(slippers_db_connections_max)";
    DB_WAITING "slippers_db_waiting" Gauge [] Saturation "none"
        "Calls that wait for a connection or for the writer."
        "waiting" => "sum(slippers_db_waiting)";
    DB_REFUSED "slippers_db_refused_total" Counter [] Saturation "cps"
        "Calls that were refused because too many waited, or they had waited too long."
        "refused" => "sum(rate(slippers_db_refused_total[5m]))";
    DB_WAITS "slippers_db_wait_seconds" Histogram [] Saturation "s"
        "Time that calls waited for a connection, or for their turn to write."
        "p95" => "histogram_quantile(0.95, sum by (le) (rate(slippers_db_wait_seconds_bucket[5m])))",
        "p99" => "histogram_quantile(0.99, sum by (le) (rate(slippers_db_wait_seconds_bucket[5m])))";
    REPLICA_IN_USE "slippers_replica_in_use" Gauge ["replica"] Saturation "none"
        "1 where a replica answers reads, 0 where it is behind, unproven or out."
        "{{replica}}" => "min by (replica) (slippers_replica_in_use)";
    REPLICA_LAG "slippers_replica_lag_bytes" Gauge ["replica"] Saturation "bytes"
        "Bytes of the log that a replica has not replayed; absent where that is not known."
        "{{replica}}" => "max by (replica) (slippers_replica_lag_bytes)";
    DB_STATEMENTS "slippers_db_statements_total" Counter [] Saturation "cps"
        "Statements that the database was asked, transaction control not counted."
        "statements" => "sum(rate(slippers_db_statements_total[5m]))";
    WRITES "slippers_db_writes_total" Counter [] Saturation "cps"
        "Writes that were put into a shared transaction: of all verbs on SQLite, of orders on PostgreSQL."
        "writes" => "sum(rate(slippers_db_writes_total[5m]))";
    WRITE_TRANSACTIONS "slippers_db_write_transactions_total" Counter [] Saturation "none"
        "Shared transactions that were committed for them."
        "writes a transaction" => "sum(rate(slippers_db_writes_total[5m])) / sum(rate(slippers_db_write_transactions_total[5m]))";
    WORK_RUNNING "slippers_work_running" Gauge ["kind"] Saturation "none"
        "Hashes of passwords, and pictures, that are computed now."
        "{{kind}}" => "sum by (kind) (slippers_work_running)";
    WORK_SLOTS "slippers_work_slots" Gauge ["kind"] Saturation "percentunit"
        "How many of them may be computed at once."
        "{{kind}}" => "sum by (kind) (slippers_work_running) / sum by (kind) (slippers_work_slots)";
    WORK_WAITING "slippers_work_waiting" Gauge ["queue"] Saturation "none"
        "Callers that wait for such work, by queue."
        "{{queue}}" => "sum by (queue) (slippers_work_waiting)";
    WORK_REFUSED "slippers_work_refused_total" Counter ["queue"] Saturation "cps"
        "Callers that were refused because a queue was full."
        "{{queue}}" => "sum by (queue) (rate(slippers_work_refused_total[5m]))";
    BACKGROUND_FAILURES "slippers_background_failures_total" Counter [] Saturation "cps"
        "Rounds of background work that failed; they are tried again."
        "failed" => "sum(rate(slippers_background_failures_total[5m]))";
    BACKGROUND_ROUNDS "slippers_background_rounds_total" Counter [] Saturation "cps"
        "Rounds of background work that were done."
        "done" => "sum(rate(slippers_background_rounds_total[5m]))";
    CACHE_HITS "slippers_cache_hits_total" Counter [] Cache "percentunit"
        "Pages of the catalogue that were there."
        "hit ratio" => "sum(rate(slippers_cache_hits_total[5m])) / (sum(rate(slippers_cache_hits_total[5m])) + sum(rate(slippers_cache_misses_total[5m])))";
    CACHE_MISSES "slippers_cache_misses_total" Counter [] Cache "reqps"
        "Pages of the catalogue that were made."
        "made" => "sum(rate(slippers_cache_misses_total[5m]))";
    CACHE_PAGES "slippers_cache_pages" Gauge [] Cache "none"
        "Pages that are kept."
        "pages" => "sum(slippers_cache_pages)";
    CACHE_BYTES "slippers_cache_bytes" Gauge [] Cache "bytes"
        "Memory that they take at most."
        "bytes" => "sum(slippers_cache_bytes)";
    CACHE_BYTES_MAX "slippers_cache_max_bytes" Gauge [] Cache "percentunit"
        "Memory that they may take: CACHE_MAX_BYTES, less while the limit of the cgroup is near."
        "used" => "sum(slippers_cache_bytes) / sum(slippers_cache_max_bytes)";
    ORDERS "slippers_orders_total" Counter [] Business "cps"
        "Orders that were placed; one that is answered again is not counted again."
        "orders" => "sum(rate(slippers_orders_total[5m]))";
    ORDER_VALUE "slippers_order_value_soum_total" Counter [] Business "none"
        "Sum of their totals, in soum."
        "soum an hour" => "sum(rate(slippers_order_value_soum_total[1h])) * 3600";
    OVERSELL "slippers_oversell_prevented_total" Counter [] Business "cps"
        "Orders that were refused because fewer pairs were left than wanted."
        "refused" => "sum(rate(slippers_oversell_prevented_total[5m]))";
    ORDERS_EXPIRED "slippers_orders_expired_total" Counter [] Business "cps"
        "Unpaid orders that expired and gave their stock back."
        "expired" => "sum(rate(slippers_orders_expired_total[5m]))";
    REVENUE "slippers_revenue_soum_total" Counter [] Business "none"
        "Sum of the orders that were paid at a gateway or set to PAID by an admin, in soum; refunds are not subtracted."
        "soum an hour" => "sum(rate(slippers_revenue_soum_total[1h])) * 3600";
    PAYMENTS_FAILED "slippers_payments_failed_total" Counter [] Business "cps"
        "Payments that ended without money: refused, given up at the gateway, or out of time."
        "failed" => "sum(rate(slippers_payments_failed_total[5m]))";
    PAYMENTS_OPEN "slippers_payments_undecided" Gauge [] Business "none"
        "Payments that are open or have money on its way back, up to 10,000; of the whole shop, whichever instance says so."
        "undecided" => "max(slippers_payments_undecided)";
    PAYMENTS_LATE "slippers_payments_late_seconds" Gauge [] Business "s"
        "For how long the most overdue of them should have been decided; 0 = none is late. Of the whole shop."
        "late" => "max(slippers_payments_late_seconds)";
    PAYMENTS_IN_REVIEW "slippers_payments_in_review" Gauge [] Business "none"
        "Payments that wait for a person, up to 10,000. Of the whole shop."
        "wait for a person" => "max(slippers_payments_in_review)";
    EVENTS_WAITING "slippers_events_waiting_seconds" Gauge [] Business "s"
        "For how long the oldest event has waited that not everybody was told of; 0 = none waits. Of the whole shop."
        "oldest event" => "max(slippers_events_waiting_seconds)";
    DEAD_LETTERS "slippers_dead_letters" Gauge [] Business "none"
        "Events whose delivery was given up, up to 10,000; each is kept for 30 days. Of the whole shop."
        "dead letters" => "max(slippers_dead_letters)";
    CPU "process_cpu_seconds_total" Counter [] Process "none"
        "Time of all cores that the process has used."
        "cores" => "sum(rate(process_cpu_seconds_total{job=\"slippers\"}[5m]))";
    RSS "process_resident_memory_bytes" Gauge [] Process "bytes"
        "Memory of the process that is resident."
        "{{instance}}" => "process_resident_memory_bytes{job=\"slippers\"}";
    OPEN_FDS "process_open_fds" Gauge [] Process "none"
        "File descriptors that are open, those of connections included."
        "{{instance}}" => "process_open_fds{job=\"slippers\"}";
    MAX_FDS "process_max_fds" Gauge [] Process "percentunit"
        "File descriptors that may be open."
        "{{instance}}" => "process_open_fds{job=\"slippers\"} / process_max_fds{job=\"slippers\"}";
    THREADS "process_threads" Gauge [] Process "none"
        "Threads of the process."
        "{{instance}}" => "process_threads{job=\"slippers\"}";
    START "process_start_time_seconds" Gauge [] Process "dateTimeAsIso"
        "When the process began to serve, in seconds since 1970."
        "{{instance}}" => "process_start_time_seconds{job=\"slippers\"} * 1000";
}
