//! What pages that are kept cost the database: nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::house::House;

/// The statements that were run meanwhile. Background work looks at the clock now and then, so the least of several
/// trials counts.
fn least_cost(house: &House, prepare: impl Fn(), act: impl Fn()) -> u64 {
    let trial = |_| {
        prepare();
        let before = house.store().statements_run();
        act();
        house.store().statements_run() - before
    };
    (0..4).map(trial).min().expect("some trials")
}

fn house_with_products() -> House {
    let house = House::open(|_| ());
    for number in 0..3 {
        house.product(&format!("Mu {number}"), 5);
    }
    house
}

#[test]
fn a_page_that_is_kept_costs_no_statement_however_it_is_spelled() {
    let house = house_with_products();
    for (path, spellings) in [
        ("/slippers/", ["/slippers", "/slippers/?limit=20&skip=0", "/slippers/?utm_source=%41&page=1"]),
        ("/slippers/1", ["/slippers/1/", "/slippers/1?include_images=true", "/slippers/%31?x=y"]),
        ("/slippers/1/images", ["/slippers/1/images/", "/slippers/1/images?a", "/slippers/001/images"]),
        ("/categories/", ["/categories", "/categories/?limit=100", "/categories/?skip=0&skip=0"]),
    ] {
        house.get("", path);
        for spelling in spellings {
            let cost = least_cost(&house, || (), || drop(house.get("", spelling)));
            assert_eq!(cost, 0, "{spelling} is {path}");
        }
    }
    let junk = least_cost(
        &house,
        || (),
        || {
            for number in 0..250 {
                house.get("", &format!("/slippers/?junk{number}={number}&_={number}"));
            }
        },
    );
    assert_eq!(junk, 0, "what means nothing makes no other page");
}

#[test]
fn f62_a_thousand_who_want_a_page_at_once_make_it_once() {
    let house = house_with_products();
    let admin = house.admin();
    let admin = admin.as_str();
    let forget = || drop(house.call(admin, "PUT", "/slippers/1", &json!({"quantity": 5})));
    let crowd = || {
        let connect = |_| TcpStream::connect(house.address()).expect("it listens");
        let mut sockets: Vec<TcpStream> = (0..1000).map(connect).collect();
        for socket in &mut sockets {
            let request = b"GET /slippers/ HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
            socket.write_all(request).expect("it takes the request");
        }
        for mut socket in sockets {
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).expect("an answer");
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
    };
    // The products and the count.
    assert_eq!(least_cost(&house, forget, crowd), 2);
}
