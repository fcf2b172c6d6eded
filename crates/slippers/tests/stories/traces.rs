//! What a collector of traces hears, in a program that was built for it.

use serde_json::Value;

use crate::gateways::{self, Gateway, Heard};
use crate::shop::{Answer, Shop, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn shop(collector: &str, more: &[(&str, &str)]) -> Shop {
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20NDcxMQ%3D%3D"),
        ("SLOW_REQUEST_MS", "3600000"),
    ];
    Shop::open_with(&[&settings[..], more].concat())
}

fn spans(collector: &Gateway<Heard>) -> Vec<Value> {
    let bodies = collector.all().into_iter();
    let sent = bodies.map(|heard| serde_json::from_str::<Value>(&heard.body).expect("JSON"));
    sent.flat_map(|sent| {
        sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap_or_default()
    })
    .collect()
}

fn attribute(span: &Value, name: &str) -> Value {
    let all = span["attributes"].as_array().expect("a list");
    let found = all.iter().find(|attribute| attribute["key"] == name);
    found.map(|attribute| attribute["value"].clone()).unwrap_or_default()
}

fn ask(shop: &Shop, path: &str, flags: &str) -> Answer {
    let parent = format!("00-{TRACE}-{PARENT}-{flags}");
    shop.send("GET", path, &[("traceparent", &parent)], None)
}

#[test]
fn a_collector_hears_of_what_its_front_end_began() {
    let collector = gateways::sms(&[]);
    let shop = shop(&format!("http://{}/otlp", collector.address), &[]);
    ask(&shop, "/slippers/?limit=3", "01").expect(200);
    // Now it is kept, and goes the short way.
    ask(&shop, "/slippers/?limit=3", "01").expect(200);
    ask(&shop, "/slippers/999999999", "01").expect(404);
    // Nobody records this one.
    ask(&shop, "/categories/", "00").expect(200);
    let in_trace = || {
        let all = spans(&collector).into_iter();
        all.filter(|span| span["traceId"] == TRACE).collect::<Vec<_>>()
    };
    let spans = eventually("the three spans", || Some(in_trace()).filter(|spans| spans.len() >= 3));
    assert_eq!(spans.len(), 3, "{spans:?}");
    assert!(spans.iter().all(|span| span["parentSpanId"] == PARENT), "{spans:?}");
    let lists: Vec<&Value> = spans.iter().filter(|span| span["name"] == "GET /slippers/").collect();
    assert_eq!(lists.len(), 2, "{spans:?}");
    assert_ne!(lists[0]["spanId"], lists[1]["spanId"]);
    let asked = |span: &Value| attribute(span, "slippers.db.statements")["intValue"] != "0";
    assert!(asked(lists[0]), "{}", lists[0]);
    let missing = spans.iter().find(|span| span["name"] == "GET /slippers/{slipper_id}").expect("the third");
    assert_eq!(attribute(missing, "http.response.status_code")["intValue"], "404");
    let heard = collector.wait_for(1);
    assert_eq!(heard.line, "POST /otlp/v1/traces HTTP/1.1");
    let has = |name: &str, value: &str| heard.headers.contains(&(name.to_owned(), value.to_owned()));
    assert!(has("authorization", "Basic NDcxMQ==") && has("content-type", "application/json"), "{heard:?}");
    assert!(!shop.said().contains("NDcx"));
}

#[test]
fn of_what_nobody_began_a_part_is_sent() {
    let collector = gateways::sms(&[]);
    let shop = shop(&format!("http://{}", collector.address), &[]);
    for _ in 0..300 {
        shop.get("/slippers/").expect(200);
    }
    // Spans are sent in their order: with this one all before it are there.
    ask(&shop, "/health", "01").expect(200);
    let (last, some): (Vec<_>, Vec<_>) = eventually("the last one", || {
        let (last, some): (Vec<_>, Vec<_>) =
            spans(&collector).into_iter().partition(|span| span["traceId"] == TRACE);
        (!last.is_empty()).then_some((last, some))
    });
    assert_eq!(last.len(), 1, "{last:?}");
    assert!((1..=30).contains(&some.len()), "{} of 300", some.len());
    assert!(some.iter().all(|span| span.get("parentSpanId").is_none()), "{some:?}");
}

#[test]
fn a_collector_that_takes_nothing_is_told_of_once() {
    let busy = gateways::always(503);
    let shop = shop(&format!("http://{}", busy.address), &[("SLIPPERS_LOG", "warn")]);
    for batch in 1..=3 {
        ask(&shop, "/slippers/", "01").expect(200);
        busy.wait_for(batch);
    }
    let said = shop.said();
    assert_eq!(said.matches("traces are not exported").count(), 1, "{said}");
    assert!(said.contains("503") && said.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{said}");
}
