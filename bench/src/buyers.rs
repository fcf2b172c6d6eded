//! People who buy, each by the lines of their head that say who they are.

use std::io::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::shop::Shop;

/// The lines of a head of somebody who has signed in, with an answer that gave a token.
///
/// # Errors
/// When there is none in it.
pub(crate) fn head_of(answer: &str) -> Result<String> {
    let token = answer.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.ok_or_else(|| Error::other(format!("no token: {answer}")))?;
    Ok(format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"))
}

/// So many new customers.
///
/// # Errors
/// The first answer that was another.
pub(crate) fn register(shop: &Shop, count: usize) -> Result<Vec<String>> {
    /// Nobody's name is taken twice.
    static REGISTERED: AtomicUsize = AtomicUsize::new(0);
    let before = REGISTERED.fetch_add(count, Ordering::Relaxed);
    for_each(shop, 8, count, |client, number| {
        let number = before + number;
        let body = format!(
            r#"{{"name":"Buyer {number}","surname":"Bench","phone_number":"+99890{:07}","password":"slippers-{number}","confirm_password":"slippers-{number}"}}"#,
            2_000_000 + number
        );
        head_of(&client.ask("POST", "/auth/register", "Content-Type: application/json\r\n", &body)?)
    })
}

/// Does something for each number, so many at a time, each hand on a connection of its own.
///
/// # Errors
/// The first of any hand.
pub(crate) fn for_each<T: Send>(
    shop: &Shop,
    hands: usize,
    count: usize,
    act: impl Fn(&mut Client, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    Ok(timed(shop, hands, count, act)?.0)
}

/// The same, and how long it took from when all were connected.
///
/// # Errors
/// The first of any hand.
pub(crate) fn timed<T: Send>(
    shop: &Shop,
    hands: usize,
    count: usize,
    act: impl Fn(&mut Client, usize) -> Result<T> + Sync,
) -> Result<(Vec<T>, Duration)> {
    let clients = (0..hands).map(|_| Client::open(shop.address)).collect::<Result<Vec<_>>>()?;
    let (next, act, begun) = (&AtomicUsize::new(0), &act, Instant::now());
    let hand = |mut client: Client| -> Result<Vec<T>> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(done);
            }
            done.push(act(&mut client, number)?);
        }
    };
    std::thread::scope(|scope| {
        let hands: Vec<_> = clients.into_iter().map(|client| scope.spawn(move || hand(client))).collect();
        let ends = hands
            .into_iter()
            .map(|hand| hand.join().unwrap_or_else(|_| Err(Error::other("a client's thread panicked"))));
        let done = ends.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok((done, begun.elapsed()))
    })
}
