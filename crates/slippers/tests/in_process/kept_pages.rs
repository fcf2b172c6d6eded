//! What pages that are kept cost the database: nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::house::{House, least_of};

/// Background work looks at the clock now and then: no more than so many trials are taken for that.
const TRIALS: usize = 10;

/// The statements that were run meanwhile: the least of several trials, as many as are needed until it is no more than was expected.
/// What one trial leaves in memory costs the next nothing, so `prepare` forgets it or `act` asks for something else.
fn least_cost(house: &House, expected: u64, prepare: impl Fn(), act: impl Fn()) -> u64 {
    let trial = |_| {
        prepare();
        let before = house.store().statements_run();
        act();
        house.store().statements_run() - before
    };
    least_of(TRIALS, expected, trial)
}

fn house_with_products() -> House {
    let house = House::open(|_| ());
    for number in 0..3 {
        house.product(&format!("Mu {number}"), 5);
    }
    house
}

const SPELLINGS: [(&str, [&str; 3]); 4] = [
    ("/slippers/", ["/slippers", "/slippers/?limit=20&skip=0", "/slippers/?utm_source=%41&page=1"]),
    ("/slippers/1", ["/slippers/1/", "/slippers/1?include_images=true", "/slippers/%31?x=y"]),
    ("/slippers/1/images", ["/slippers/1/images/", "/slippers/1/images?a", "/slippers/001/images"]),
    ("/categories/", ["/categories", "/categories/?limit=100", "/categories/?skip=0&skip=0"]),
];

#[test]
fn a_page_that_is_kept_costs_no_statement_however_it_is_spelled() {
    // What costs something is told: in a house where nothing else is kept, as a page is that was made for its spelling.
    let costs = || -> Vec<(&str, u64)> {
        let house = house_with_products();
        let cost = |spelling: &'static str| {
            let before = house.store().statements_run();
            house.get("", spelling);
            (spelling, house.store().statements_run() - before)
        };
        let all = SPELLINGS.iter().flat_map(|(path, spellings)| {
            house.get("", path);
            spellings.map(cost)
        });
        all.filter(|(_, cost)| *cost > 0).collect()
    };
    let mut told = costs();
    for _ in 1..TRIALS {
        if told.is_empty() {
            break;
        }
        told = costs();
    }
    assert_eq!(told, [], "each is a page that is there");
}

#[test]
fn what_means_nothing_makes_no_other_page() {
    let house = house_with_products();
    house.get("", "/slippers/");
    let asked = AtomicU32::new(0);
    let ask_some = || {
        for _ in 0..25 {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            house.get("", &format!("/slippers/?junk{number}={number}&_={number}"));
        }
    };
    for _ in 0..10 {
        assert_eq!(least_cost(&house, 0, || (), ask_some), 0);
    }
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
    // The count, what stands there, and the product that has changed.
    assert_eq!(least_cost(&house, 3, forget, crowd), 3);
}
