//! Several instances on one database with one Redis, against a model: whatever is late, lost, told twice or out of order,
//! nobody reads what is older than what that instance was told, or has answered.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use slippers_core::types::SlipperId;
use slippers_core::{Change, ChangeListener as _, Horizon};

use super::clock::Coarse;
use super::generations::{Generations, Stamp};
use super::horizons::Sharing;
use super::key::PageKey;
use super::key::tests::{list, slipper};

const INSTANCES: usize = 3;
const PRODUCTS: usize = 2;
const NOW: u64 = 1;

/// A step. Things under way are named by their place, modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A transaction gets its number.
    Write {
        instance: usize,
        product: usize,
    },
    /// One of those that are open is committed, in any order.
    Commit(usize),
    /// A commit is told where it was made, and answered.
    Answer(usize),
    LookBegins(usize),
    /// The database answers the look.
    LookSees(usize),
    LookEnds(usize),
    /// No answer: what was seen before is forgotten.
    LookFails(usize),
    Read {
        instance: usize,
        page: usize,
    },
    /// The read asks Redis, else the database.
    Ask(usize),
    Arrive(usize),
    /// What a read has put into Redis gets there, perhaps after others, perhaps twice.
    Reach {
        put: usize,
        twice: bool,
    },
    Lose(usize),
    Flush,
    Evict(usize),
    Restart(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let of = || 0..INSTANCES;
    let at = || 0..8_usize;
    prop_oneof![
        3 => (of(), 0..PRODUCTS).prop_map(|(instance, product)| Step::Write { instance, product }),
        3 => at().prop_map(Step::Commit),
        3 => at().prop_map(Step::Answer),
        4 => of().prop_map(Step::LookBegins),
        4 => of().prop_map(Step::LookSees),
        4 => of().prop_map(Step::LookEnds),
        1 => of().prop_map(Step::LookFails),
        8 => (of(), 0..=PRODUCTS).prop_map(|(instance, page)| Step::Read { instance, page }),
        8 => at().prop_map(Step::Ask),
        8 => at().prop_map(Step::Arrive),
        6 => (at(), any::<bool>()).prop_map(|(put, twice)| Step::Reach { put, twice }),
        1 => at().prop_map(Step::Lose),
        1 => Just(Step::Flush),
        1 => of().prop_map(Step::Evict),
        1 => of().prop_map(Step::Restart),
    ]
}

/// Whose change it is, and of which product.
#[derive(Clone, Copy, Debug)]
struct Write {
    /// Which life of which instance.
    life: usize,
    product: usize,
}

/// A database as a transaction of PostgreSQL sees it. A product's value is the number of its changes.
#[derive(Default)]
struct Database {
    last: u64,
    open: BTreeMap<u64, Write>,
    committed: BTreeMap<u64, Write>,
}

impl Database {
    fn value(&self, page: usize) -> u64 {
        let shows = |write: &&Write| page == PRODUCTS || write.product == page;
        self.committed.values().filter(shows).count() as u64
    }

    fn horizon(&self) -> Horizon {
        let next = self.committed.keys().last().map_or(1, |number| number + 1);
        let settled = self.open.keys().next().copied().unwrap_or(self.last + 1).min(next);
        Horizon { database: "d".into(), settled, next }
    }
}

/// An instance in one of its lives.
struct Instance {
    life: usize,
    generations: Generations,
    kept: HashMap<usize, (Stamp, u64)>,
    /// What the last look has seen; `None` = it must begin anew.
    seen: Option<BTreeSet<u64>>,
    is_looking: bool,
    look: Option<(BTreeSet<u64>, Horizon)>,
    /// What must be shown of each page: told here, whoever has made it.
    at_least: [u64; PRODUCTS + 1],
    /// Of each product: the changes that were told.
    told: BTreeSet<u64>,
}

impl Instance {
    fn new(life: usize) -> Self {
        Self {
            life,
            generations: Generations::new(Coarse::start()),
            kept: HashMap::new(),
            seen: None,
            is_looking: false,
            look: None,
            at_least: [0; PRODUCTS + 1],
            told: BTreeSet::new(),
        }
    }

    fn tell(&mut self, number: u64, product: usize) {
        self.generations.move_for(&[Change::Slipper(id(product))], NOW);
        if self.told.insert(number) {
            self.at_least[product] += 1;
            self.at_least[PRODUCTS] += 1;
        }
    }
}

struct Reading {
    instance: usize,
    life: usize,
    page: usize,
    stamp: Stamp,
    sharing: Option<Sharing>,
    at_least: u64,
    value: Option<(u64, bool)>,
}

fn id(product: usize) -> SlipperId {
    SlipperId::new(i64::try_from(product).expect("small"))
}

fn key(page: usize) -> PageKey {
    if page == PRODUCTS { list(0) } else { slipper(i64::try_from(page).expect("small")) }
}

struct Model {
    database: Database,
    instances: Vec<Instance>,
    lives: usize,
    /// Committed, and neither told nor answered yet.
    unanswered: Vec<(u64, Write)>,
    readings: Vec<Reading>,
    /// On their way to Redis.
    puts: Vec<(usize, u64, u64)>,
    redis: HashMap<usize, (u64, u64)>,
    shared: usize,
}

impl Model {
    fn new() -> Self {
        Self {
            database: Database::default(),
            instances: (0..INSTANCES).map(Instance::new).collect(),
            lives: INSTANCES,
            unanswered: Vec::new(),
            readings: Vec::new(),
            puts: Vec::new(),
            redis: HashMap::new(),
            shared: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Write { instance, product } => {
                self.database.last += 1;
                let write = Write { life: self.instances[instance].life, product };
                self.database.open.insert(self.database.last, write);
            }
            Step::Commit(at) => {
                let open = self.database.open.len().max(1);
                let Some((&number, &write)) = self.database.open.iter().nth(at % open) else { return };
                self.database.open.remove(&number);
                self.database.committed.insert(number, write);
                self.unanswered.push((number, write));
            }
            Step::Answer(at) => {
                if let Some((number, write)) = pick(&mut self.unanswered, at)
                    && let Some(instance) = self.instances.iter_mut().find(|one| one.life == write.life)
                {
                    instance.tell(number, write.product);
                }
            }
            Step::LookBegins(at) => {
                let instance = &mut self.instances[at];
                if !instance.is_looking {
                    instance.is_looking = true;
                    instance.generations.look_begins();
                }
            }
            Step::LookSees(at) => {
                let instance = &mut self.instances[at];
                if instance.is_looking && instance.look.is_none() {
                    let sees = self.database.committed.keys().copied().collect();
                    instance.look = Some((sees, self.database.horizon()));
                }
            }
            Step::LookEnds(at) => self.end_look(at),
            Step::LookFails(at) => {
                let instance = &mut self.instances[at];
                if instance.is_looking {
                    (instance.is_looking, instance.look, instance.seen) = (false, None, None);
                    instance.generations.move_for(&[Change::Catalog], NOW);
                }
            }
            Step::Read { instance, page } => self.read(instance, page),
            Step::Ask(at) => self.ask(at),
            Step::Arrive(at) => self.arrive(at),
            Step::Reach { put, twice } => {
                if let Some((page, settled, value)) = pick(&mut self.puts, put) {
                    self.redis.insert(page, (settled, value));
                    if twice {
                        self.puts.push((page, settled, value));
                    }
                }
            }
            Step::Lose(at) => drop(pick(&mut self.puts, at)),
            Step::Flush => self.redis.clear(),
            Step::Evict(at) => self.instances[at].kept.clear(),
            Step::Restart(at) => {
                self.instances[at] = Instance::new(self.lives);
                self.lives += 1;
            }
        }
    }

    fn end_look(&mut self, at: usize) {
        let instance = &mut self.instances[at];
        let Some((sees, horizon)) = instance.look.take() else { return };
        instance.is_looking = false;
        match instance.seen.replace(sees.clone()) {
            None => instance.generations.move_for(&[Change::Catalog], NOW),
            Some(before) => {
                for number in sees.difference(&before) {
                    let write = self.database.committed[number];
                    if write.life != instance.life {
                        instance.tell(*number, write.product);
                    }
                }
                instance.generations.looked(&horizon);
            }
        }
    }

    fn read(&mut self, at: usize, page: usize) {
        let instance = &self.instances[at];
        let stamp = instance.generations.stamp(&key(page), NOW);
        let at_least = instance.at_least[page];
        match instance.kept.get(&page) {
            Some((kept, value)) if *kept == stamp => {
                assert!(*value >= at_least, "kept: {value} for {at_least}");
            }
            _ => self.readings.push(Reading {
                instance: at,
                life: instance.life,
                page,
                stamp,
                sharing: instance.generations.sharing(&key(page)),
                at_least,
                value: None,
            }),
        }
    }

    fn ask(&mut self, at: usize) {
        let readings = self.readings.len().max(1);
        let Some(reading) = self.readings.get_mut(at % readings) else { return };
        if reading.value.is_some() {
            return;
        }
        let needed = reading.sharing.as_ref().and_then(|sharing| sharing.needed);
        let shared =
            self.redis.get(&reading.page).filter(|(settled, _)| needed.is_some_and(|n| *settled >= n));
        reading.value = Some(match shared {
            Some((_, value)) => {
                self.shared += 1;
                (*value, true)
            }
            None => (self.database.value(reading.page), false),
        });
    }

    fn arrive(&mut self, at: usize) {
        let readings = self.readings.len().max(1);
        if self.readings.get(at % readings).is_none_or(|reading| reading.value.is_none()) {
            return;
        }
        let reading = self.readings.swap_remove(at % readings);
        let Some((value, is_shared)) = reading.value else { return };
        let Reading { instance, life, page, at_least, .. } = reading;
        assert!(value >= at_least, "page {page}: {value} for {at_least}, shared: {is_shared}");
        if let (false, Some(sharing)) = (is_shared, &reading.sharing) {
            self.puts.push((page, sharing.settled, value));
        }
        let instance = &mut self.instances[instance];
        if instance.life == life && instance.generations.stamp(&key(page), NOW) == reading.stamp {
            instance.kept.insert(page, (reading.stamp, value));
        }
    }

    /// Everything under way ends, and every instance looks: then all of them show what there is.
    fn settle(&mut self) {
        while !self.database.open.is_empty() {
            self.take(Step::Commit(0));
        }
        while !self.unanswered.is_empty() {
            self.take(Step::Answer(0));
        }
        for at in 0..INSTANCES {
            // What began before is ended, and then there is a whole one.
            for _ in 0..2 {
                self.take(Step::LookBegins(at));
                self.take(Step::LookSees(at));
                self.take(Step::LookEnds(at));
            }
        }
        for at in 0..INSTANCES {
            for page in 0..=PRODUCTS {
                self.instances[at].at_least[page] = self.database.value(page);
                self.take(Step::Read { instance: at, page });
                let last = self.readings.len().saturating_sub(1);
                self.take(Step::Ask(last));
                self.take(Step::Arrive(last));
            }
        }
    }
}

fn pick<T>(from: &mut Vec<T>, at: usize) -> Option<T> {
    let all = from.len();
    (all > 0).then(|| from.remove(at % all))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nobody_reads_what_is_older_than_what_was_told(steps in proptest::collection::vec(any_step(), 0..150)) {
        let mut model = Model::new();
        for step in steps {
            model.take(step);
        }
        model.settle();
    }
}

/// The model is worth something only when pages are shared in it.
#[test]
fn in_quiet_times_one_instance_asks_for_all() {
    let mut model = Model::new();
    model.take(Step::Write { instance: 0, product: 0 });
    model.settle();
    model.take(Step::Evict(0));
    for instance in 0..2 {
        model.take(Step::Evict(instance));
        model.take(Step::Read { instance, page: 0 });
        let last = model.readings.len() - 1;
        model.take(Step::Ask(last));
        model.take(Step::Arrive(last));
        model.take(Step::Reach { put: model.puts.len().saturating_sub(1), twice: false });
    }
    assert!(model.shared > 0);
}
