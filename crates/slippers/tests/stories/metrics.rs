//! What Prometheus is told, and on which listener.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::shop::{PATIENCE, Shop, eventually};
use crate::till::{PRICE, Till};

/// A shop that can be scraped, and where.
pub(crate) fn watched() -> (Shop, SocketAddr) {
    watched_with(&[])
}

/// The same with settings of its own.
pub(crate) fn watched_with(settings: &[(&str, &str)]) -> (Shop, SocketAddr) {
    let listen = [("METRICS_LISTEN", "127.0.0.1:0")];
    let shop = Shop::open_in(TempDir::new().expect("a folder"), &[&listen, settings].concat());
    let address = metrics_of(&shop);
    (shop, address)
}

/// Where a shop with `METRICS_LISTEN` is scraped.
pub(crate) fn metrics_of(shop: &Shop) -> SocketAddr {
    let line = eventually("it tells where its metrics are", || {
        shop.said().lines().find(|line| line.trim_start().starts_with("metrics")).map(str::to_owned)
    });
    let (_, rest) = line.split_once("http://").expect("an address");
    rest.trim_end_matches("/metrics").parse().expect("an address")
}

/// The page of a scrape.
pub(crate) fn scrape(address: SocketAddr) -> String {
    let (status, page) = ask(address, "/metrics");
    assert_eq!(status, 200, "{page}");
    page
}

fn ask(address: SocketAddr, path: &str) -> (u16, String) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    let agent: ureq::Agent = config.build().into();
    let mut response = agent.get(format!("http://{address}{path}")).call().expect("an answer");
    (response.status().as_u16(), response.body_mut().read_to_string().expect("text"))
}

/// The value of one series, 0 when it is not there.
pub(crate) fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

#[track_caller]
fn assert_value(page: &str, series: &str, wanted: &str) {
    let line = format!("{series} {wanted}");
    assert!(page.lines().any(|found| found == line), "no {line:?} in\n{page}");
}

#[test]
fn the_real_page_passes_promtool() {
    let (shop, address) = watched();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Comfy", &json!(25), 3);
    shop.get(&format!("/slippers/{slipper}")).expect(200);
    let page = scrape(address);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs (Debian package prometheus)");
    promtool.stdin.take().expect("a pipe").write_all(page.as_bytes()).expect("it reads");
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{page}", String::from_utf8_lossy(&said));
}

#[test]
fn the_public_listener_knows_no_metrics_and_theirs_nothing_else() {
    let (shop, address) = watched();
    shop.get("/metrics").expect(404);
    for path in ["/", "/health", "/slippers/", "/metrics/", "/openapi.json"] {
        assert_eq!(ask(address, path).0, 404, "{path}");
    }
    let silent = Shop::open();
    assert!(!silent.said().contains("metrics"), "{}", silent.said());
}

#[test]
fn a_sale_is_told_in_orders_money_and_refusals() {
    let (shop, address) = watched();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Comfy", &json!(19.99), 3);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, slipper, 2);
    let order = shop.call(&buyer, "POST", "/orders/from-cart?clear_cart=false", &json!(null)).expect(200);
    // The same order is answered again, and counted once.
    shop.call(&buyer, "POST", "/orders/from-cart?clear_cart=false", &json!(null)).expect(200);
    let late = shop.customer("Malika");
    shop.put_in_cart(&late, slipper, 1);
    shop.call(&admin, "PUT", &format!("/slippers/{slipper}"), &json!({"quantity": 0})).expect(200);
    shop.call(&late, "POST", "/orders/from-cart", &json!(null)).expect(409);
    let order = order.json()["order_id"].as_str().expect("a number in words").to_owned();
    let path = format!("/orders/{order}");
    shop.call(&admin, "PUT", &path, &json!({"status": "PAID"})).expect(200);
    let page = scrape(address);
    assert_value(&page, "slippers_orders_total", "1");
    assert_value(&page, "slippers_order_value_soum_total", "39.98");
    assert_value(&page, "slippers_oversell_prevented_total", "1");
    assert_value(&page, r#"slippers_errors_total{code="out_of_stock"}"#, "1");
    assert_value(&page, "slippers_revenue_soum_total", "39.98");
    let orders = r#"slippers_http_requests_total{route="/orders/from-cart",method="POST",status="#;
    assert_value(&page, &format!("{orders}\"2xx\"}}"), "2");
    assert_value(&page, &format!("{orders}\"4xx\"}}"), "1");
    let took = r#"slippers_http_request_duration_seconds_count{route="/orders/from-cart"}"#;
    assert_value(&page, took, "3");
    assert!(value(&page, "slippers_db_writes_total") >= 1.0, "{page}");
}

#[test]
fn what_gateways_bring_is_told_in_money_and_failures() {
    let till = Till::open_with(&[("METRICS_LISTEN", "127.0.0.1:0")]);
    let address = metrics_of(&till.shop);
    let pay = |name: &str, button: &str| {
        let (buyer, order) = till.order(name, 2);
        let made = till.create(&buyer, &json!({"order_id": order})).expect(200).json();
        till.press(made["redirect_url"].as_str().expect("a link"), button);
        order
    };
    till.await_status(pay("Dilnoza", "pay"), "PAID");
    pay("Malika", "cancel");
    let page = eventually("the failure is told", || {
        let page = scrape(address);
        (value(&page, "slippers_payments_failed_total") >= 1.0).then_some(page)
    });
    assert_value(&page, "slippers_payments_failed_total", "1");
    assert_value(&page, "slippers_revenue_soum_total", &format!("{}.0", 2 * PRICE));
}

#[test]
fn ten_thousand_paths_are_one_route() {
    let (shop, address) = watched();
    let ask = |number: usize| format!("GET /nowhere/{number}/%41?x={number} HTTP/1.1\r\nhost: shop\r\n\r\n");
    shop.get("/nowhere/at/all").expect(404);
    let series = |page: &str| -> Vec<String> {
        page.lines().map(|line| line.rsplit_once(' ').map_or(line, |(name, _)| name).to_owned()).collect()
    };
    // Figures of the whole shop are read a moment after it opens.
    let before = eventually("all figures are told", || {
        let page = scrape(address);
        page.contains("\nslippers_dead_letters ").then(|| series(&page))
    });
    let mut requests: String = (1..10_000).map(ask).collect();
    requests.push_str("GET /nowhere/0/x HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(shop.address()).expect("it listens");
    let mut answers = stream.try_clone().expect("a second end");
    let reader = std::thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
    stream.write_all(requests.as_bytes()).expect("it takes them");
    reader.join().expect("it reads").expect("all answers");
    let page = scrape(address);
    assert_value(&page, r#"slippers_http_requests_total{route="",method="GET",status="4xx"}"#, "10001");
    let new: Vec<_> = series(&page).into_iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(new, Vec::<String>::new());
}

#[test]
fn open_connections_and_kept_pages_are_told() {
    let (shop, address) = watched();
    let page = scrape(address);
    let open = value(&page, "slippers_connections_open");
    let streams: Vec<TcpStream> =
        (0..5).map(|_| TcpStream::connect(shop.address()).expect("it listens")).collect();
    eventually("five more are open", || {
        (value(&scrape(address), "slippers_connections_open") >= open + 5.0).then_some(())
    });
    drop(streams);
    eventually("they are gone", || {
        (value(&scrape(address), "slippers_connections_open") <= open).then_some(())
    });
    // What happened while the shop opened may empty a page once more.
    let mut asked = 0;
    let page = eventually("pages are there", || {
        shop.get("/slippers/").expect(200);
        asked += 1;
        let page = scrape(address);
        (value(&page, "slippers_cache_hits_total") >= 2.0).then_some(page)
    });
    let requests = r#"slippers_http_requests_total{route="/slippers/",method="GET",status="2xx"}"#;
    assert_value(&page, requests, &asked.to_string());
}
