//! What the log says of requests.

use serde_json::{Value, json};

use crate::shop::{Shop, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The lines of this kind, as JSON.
fn lines(shop: &Shop, beginning: &str) -> Vec<Value> {
    let said = shop.said();
    let all = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(beginning))).collect()
}

fn shop(access: &str) -> Shop {
    // An empty value counts as not given: where nobody reads a terminal, the log is JSON.
    Shop::open_with(&[
        ("SLIPPERS_LOG_FORMAT", ""),
        ("SLIPPERS_LOG", "warn,slippers_server=info"),
        ("ACCESS_LOG", access),
        ("SLOW_REQUEST_MS", "3600000"),
    ])
}

fn of_path(shop: &Shop, path: &str) -> Value {
    eventually("the line of the request", || {
        lines(shop, "request ").into_iter().find(|line| line["path"] == format!("{path:?}"))
    })
}

#[test]
fn each_request_has_a_line_with_its_work_and_its_trace() {
    let shop = shop("all");
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Comfy", &json!(25), 3);
    let buyer = shop.customer("Nigora");
    shop.put_in_cart(&buyer, slipper, 1);
    let bearer = format!("Bearer {}", buyer.access);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = [("authorization", bearer.as_str()), ("traceparent", &parent)];
    shop.send("POST", "/orders/from-cart", &headers, None).expect(200);
    let line = of_path(&shop, "/orders/from-cart");
    assert_eq!((&line["status"], &line["trace_id"]), (&json!(200), &json!(TRACE)), "{line}");
    let number =
        |line: &Value, name: &str| line[name].as_u64().unwrap_or_else(|| panic!("no {name}: {line}"));
    assert!(number(&line, "statements") >= 3, "{line}");
    assert!(number(&line, "db_us") > 0 && number(&line, "db_us") <= number(&line, "duration_us"), "{line}");
    number(&line, "queue_us");
    // A page is kept once its shop has heard of all that was written before, which on a server takes a moment.
    let kept = eventually("a page that was kept", || {
        shop.get("/slippers/?limit=7").expect(200);
        let mut of_pages =
            lines(&shop, "request ").into_iter().filter(|line| line["path"] == "\"/slippers/\"");
        of_pages.next_back().filter(|line| line["statements"] == 0)
    });
    assert_eq!(number(&kept, "db_us"), 0, "{kept}");
    // What is no trace begins one of its own.
    for odd in ["nonsense", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
        shop.send("GET", "/cart", &[("traceparent", odd)], None).expect(401);
    }
    let own = of_path(&shop, "/cart");
    assert_eq!(own["trace_id"].as_str().map(str::len), Some(32), "{own}");
    assert!(!shop.said().contains("nonsense"));
}

#[test]
fn a_sampled_log_holds_what_went_wrong_and_a_part_of_the_rest() {
    let shop = shop("sampled");
    for _ in 0..300 {
        shop.get("/slippers/").expect(200);
        shop.get("/health/live").expect(200);
    }
    shop.get("/nowhere").expect(404);
    let refused = of_path(&shop, "/nowhere");
    assert_eq!(refused["status"], 404);
    let well = lines(&shop, "request ").iter().filter(|line| line["status"] == 200).count();
    assert!((1..=20).contains(&well), "{well} of some 600");
    let silent = self::shop("off");
    silent.get("/nowhere").expect(404);
    silent.get("/slippers/").expect(200);
    assert_eq!(lines(&silent, "request "), Vec::<Value>::new());
}

#[test]
fn a_slow_request_is_told_with_its_statements() {
    let shop = Shop::open_with(&[("SLIPPERS_LOG_FORMAT", ""), ("SLOW_REQUEST_MS", "0")]);
    shop.get("/slippers/").expect(200);
    shop.get("/static/nothing.png").expect(404);
    let slow = eventually("the line", || {
        lines(&shop, "Slow request").into_iter().find(|line| line["path"] == "\"/slippers/\"")
    });
    let names = slow["names"].as_str().expect("names");
    assert!(names.starts_with("SELECT ") && slow["statements"].as_u64() >= Some(1), "{slow}");
    assert!(lines(&shop, "Slow request").iter().all(|line| line["path"] != "\"/static/nothing.png\""));
}
