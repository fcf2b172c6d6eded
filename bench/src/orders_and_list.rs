//! What 500 orders a second leave of the rate of kept lists, and what they cost; and that a product is never shown as available
//! after its last pair was sold.
//!
//!   `slippers-bench orders_and_list SLIPPERS [postgres]`
//!
//! Its clients take little of the processors that they share with the shop: some 20 us a request. It needs wrk.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use slippers_testbed::postgres::Postgres;

use crate::Outcome;
use crate::buyers::register;
use crate::client::Client;
use crate::cpu::Cpu;
use crate::median;
use crate::shop::Shop;
use crate::wrk::Wrk;

const ROUNDS: usize = 5;
const LISTS: Wrk<'static> = Wrk { threads: 1, connections: 64, seconds: 5, script: "" };
const ORDERS_PER_SECOND: u32 = 500;
/// So many can place them where an order takes less than 30 ms.
const HANDS: usize = 16;
/// They take turns, so that nobody has hundreds of orders that are not paid, which each new one is compared with.
const BUYERS: usize = 512;
/// Who buys what is scarce.
const LUCKY: usize = 64;
/// All on the first page.
const PRODUCTS: u64 = 20;
/// What everybody buys, and what is sold out again and again.
const POPULAR: u64 = 19;
const SCARCE: u64 = 20;
/// Between one time that it is sold out and the next.
const REST: Duration = Duration::from_millis(50);
const STOCK: u64 = 1_000_000;

struct Market {
    shop: Shop,
    admin: String,
    buyers: Vec<String>,
}

/// What a round came to: lists and orders a second, microseconds of the shop's processor time of all of it, and how often a
/// product was sold out.
#[derive(Clone, Copy, Default)]
struct Round {
    lists: f64,
    orders: f64,
    cpu: f64,
    sold_out: usize,
}

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let settings = [("CACHE_MAX_BYTES", "67108864")];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server;
    let shop = match arguments[..] {
        [program] => Shop::on_a_file(Path::new(program), PRODUCTS, &settings)?,
        [program, "postgres"] => {
            server = Postgres::builder().fsync(true).start()?;
            Shop::on(Path::new(program), &server, PRODUCTS, &settings)?
        }
        _ => return Err("usage: slippers-bench orders_and_list SLIPPERS [postgres]".into()),
    };
    let (admin, buyers) = (shop.admin()?, register(&shop, BUYERS + LUCKY)?);
    let market = Market { shop, admin, buyers };
    market.stock(&mut Client::open(market.shop.address)?, POPULAR, STOCK)?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(market.lists()?);
        beside.push(market.lists_beside_orders()?);
        let (alone, beside) = (alone[alone.len() - 1], beside[beside.len() - 1]);
        println!(
            "lists a second: {:.0} alone, {:.0} beside {:.0} orders",
            alone.lists, beside.lists, beside.orders
        );
    }
    tell(&alone, &beside)
}

fn tell(alone: &[Round], beside: &[Round]) -> Outcome<()> {
    let of = |rounds: &[Round], what: fn(&Round) -> f64| median(rounds.iter().map(what).collect());
    let (lists, fewer) = (of(alone, |round| round.lists), of(beside, |round| round.lists));
    let orders = of(beside, |round| round.orders);
    let each = of(alone, |round| round.cpu / round.lists);
    let order = (of(beside, |round| round.cpu) - fewer * each) / orders;
    println!(
        "medians: {lists:.0} lists a second alone, {fewer:.0} beside {orders:.0} orders: {:.2} (limit 0.5)",
        fewer / lists
    );
    println!(
        "the shop takes {each:.1} us for a list, and {order:.0} us for an order with its cart, its part of the sales below and \
         the pages that are made anew"
    );
    let sold_out: usize = beside.iter().map(|round| round.sold_out).sum();
    println!("a product was sold out {sold_out} times and never shown as available after");
    if orders < f64::from(ORDERS_PER_SECOND) * 0.98 || sold_out == 0 {
        return Err(format!("{orders:.0} orders a second were placed").into());
    }
    if fewer < lists * 0.5 { Err("less than half of the lists".into()) } else { Ok(()) }
}

impl Market {
    fn stock(&self, client: &mut Client, product: u64, quantity: u64) -> io::Result<()> {
        let body = format!(r#"{{"quantity":{quantity}}}"#);
        client.ask("PUT", &format!("/slippers/{product}"), &self.admin, &body).map(drop)
    }

    /// Answers what the shop said of the order.
    fn order(&self, client: &mut Client, buyer: usize, product: u64) -> io::Result<String> {
        let line = format!(r#"{{"slipper_id":{product},"quantity":1}}"#);
        client.ask("POST", "/cart/items", &self.buyers[buyer], &line)?;
        client.ask("POST", "/orders/from-cart?clear_cart=true", &self.buyers[buyer], "{}")
    }

    /// Two pairs come, and go one by one.
    fn sell_out(&self, client: &mut Client, time: usize) -> io::Result<()> {
        self.stock(client, SCARCE, 2)?;
        for left in [1, 0] {
            self.order(client, BUYERS + time % LUCKY, SCARCE)?;
            let page = client.get("/slippers/")?;
            let of_it = page.split(&format!("{{\"id\":{SCARCE},\"name\":")).nth(1);
            let shown = of_it.and_then(|item| item.split("\"is_available\":").nth(1));
            if shown.map(|shown| shown.starts_with("true")) != Some(left > 0) {
                return Err(io::Error::other(format!("{left} pairs are left, and the list says {of_it:?}")));
            }
        }
        Ok(())
    }

    fn lists(&self) -> Outcome<Round> {
        let before = self.shop.cpu()?;
        let lists = LISTS.rate(self.shop.address, "/slippers/")?;
        Ok(Round { lists, cpu: self.cpu_since(&before)?, ..Round::default() })
    }

    /// The same while orders are placed and a product is sold out.
    fn lists_beside_orders(&self) -> Outcome<Round> {
        let (over, begun) = (AtomicBool::new(false), Instant::now());
        let (due, placed) = (AtomicU32::new(0), AtomicU32::new(0));
        let buy = || -> io::Result<()> {
            let mut client = Client::open(self.shop.address)?;
            while !over.load(Ordering::SeqCst) {
                let number = due.fetch_add(1, Ordering::SeqCst);
                // Orders come at their times, whatever became of others.
                let at = begun + Duration::from_secs(1) / ORDERS_PER_SECOND * number;
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                let buyer = usize::try_from(number).map_err(io::Error::other)? % BUYERS;
                self.order(&mut client, buyer, POPULAR)?;
                placed.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        };
        let sell = || -> io::Result<usize> {
            let (mut client, mut times) = (Client::open(self.shop.address)?, 0);
            while !over.load(Ordering::SeqCst) {
                self.sell_out(&mut client, times)?;
                times += 1;
                std::thread::sleep(REST);
            }
            Ok(times)
        };
        std::thread::scope(|scope| {
            let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(buy)).collect();
            let selling = scope.spawn(sell);
            let round = self.lists();
            let orders = f64::from(placed.load(Ordering::SeqCst)) / begun.elapsed().as_secs_f64();
            over.store(true, Ordering::SeqCst);
            let died = |_| io::Error::other("a client's thread panicked");
            for hand in hands {
                hand.join().map_err(died)??;
            }
            Ok(Round { orders, sold_out: selling.join().map_err(died)??, ..round? })
        })
    }

    /// Microseconds of processor time a second of the load.
    fn cpu_since(&self, before: &Cpu) -> Outcome<f64> {
        let took = u32::try_from(self.shop.cpu()?.micros_since(before))?;
        Ok(f64::from(took) / f64::from(u32::try_from(LISTS.seconds)?))
    }
}
