//! The kinds of pages.

/// The deepest page of each shop.
const SMALL_DEPTH: u64 = 900;
const LARGE_DEPTH: u64 = 10_000;
/// The same of the small shop's categories, which have 333 products, and of its search for a size, which finds 76.
const SMALL_DEPTH_OF_CATEGORY: u64 = 300;
const SMALL_DEPTH_OF_SEARCH: u64 = 60;

/// Names of products, as they are told.
pub(crate) struct Names<'s> {
    /// Some that many have in a large shop.
    pub(crate) shared: &'s [String],
    /// Some that one product each has.
    pub(crate) unique: &'s [String],
}

/// The request with this number, of a shop with these names, as deep as that.
type Target = fn(&Names<'_>, u64, u64) -> String;

/// A kind of page.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
    /// Whether there is something on every page.
    pub(crate) finds: bool,
    pub(crate) asker: Asker,
    pub(crate) small_depth: u64,
    pub(crate) large_depth: u64,
    /// How many different pages of the large shop it asks for, where they are so many that a row of the usual length would ask for
    /// most of them once or twice, and for those of the small shop twenty times or more; else 0.
    pub(crate) many_pages: u64,
}

#[derive(Clone, Copy)]
pub(crate) enum Asker {
    Anybody,
    Customer,
    Admin,
}

/// At the beginning of the list, in both shops.
fn near(name: &'static str, target: Target) -> Shape {
    Shape { name, target, finds: true, asker: Asker::Anybody, small_depth: 0, large_depth: 0, many_pages: 0 }
}

/// As deep as both shops are measured.
fn deep(name: &'static str, target: Target) -> Shape {
    Shape { small_depth: SMALL_DEPTH, large_depth: LARGE_DEPTH, ..near(name, target) }
}

/// Pages anywhere before the deepest, in each sort: the large shop's 4,000 are asked for so often that a first visit, which finds neither
/// its rows nor their order in memory, is one of sixteen.
fn any(name: &'static str, small_depth: u64, target: Target) -> Shape {
    Shape { small_depth, many_pages: LARGE_DEPTH / 20 * 8, ..deep(name, target) }
}

const SORTS: [&str; 8] =
    ["id_asc", "id_desc", "name_asc", "name_desc", "price_asc", "price_desc", "created_asc", "created_desc"];

fn sort(number: u64) -> &'static str {
    SORTS[usize::try_from(number % 8).unwrap_or(0)]
}

/// A number below `below` that looks random.
fn scattered(number: u64, below: u64) -> u64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % below.max(1)
}

/// In percent signs.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A name of three words or more, less up to six characters at its beginning and two at its end: 21 forms of each name, more than are
/// asked for in a row.
fn name(names: &[String], number: u64) -> String {
    let at = |number: u64| usize::try_from(number).unwrap_or(0);
    let names: Vec<&String> = names.iter().filter(|name| name.matches(' ').count() >= 2).collect();
    let Some(name) = names.get(at(number) % names.len().max(1)) else { return "none".to_owned() };
    let form = at(number) / names.len() % 21;
    let shown = name.chars().count().saturating_sub(form % 3 + form / 3);
    encoded(&name.chars().skip(form / 3).take(shown).collect::<String>())
}

pub(crate) fn shapes() -> Vec<Shape> {
    let mut all = products();
    all.extend(people());
    all
}

/// Users and orders.
fn people() -> Vec<Shape> {
    let by_admin = |shape| Shape { asker: Asker::Admin, ..shape };
    vec![
        Shape { asker: Asker::Customer, ..near("orders: one's own", |_, _, _| "/orders/?max=20".to_owned()) },
        by_admin(near("orders: everybody's, newest", |_, _, _| "/orders/?max=20".to_owned())),
        by_admin(deep("orders: everybody's, any", |_, depth, n| {
            format!("/orders/?max=20&before={}", 30 + scattered(n, depth))
        })),
        by_admin(near("users: newest", |_, _, _| "/users/?limit=20".to_owned())),
        by_admin(deep("users: any page up to the deepest", |_, depth, n| {
            format!("/users/?limit=20&skip={}", scattered(n, depth / 20) * 20)
        })),
        by_admin(near("users: search, a rare phone number", |_, _, n| {
            format!(
                "/users/?limit=20&search=9{}",
                10_000_000 + (1 + scattered(n, 1_000)) * 7_654_321 % 89_999_999
            )
        })),
        by_admin(near("users: search, 2 characters, the same again", |_, _, _| {
            "/users/?limit=20&search=mi".to_owned()
        })),
        by_admin(near("users: search, a common word, the same again", |_, _, _| {
            format!("/users/?limit=20&search={}", encoded("карим"))
        })),
    ]
}

fn products() -> Vec<Shape> {
    let nothing = |name, target| Shape { finds: false, ..near(name, target) };
    vec![
        near("first page, each sort", |_, _, n| format!("/slippers/?sort={}", sort(n))),
        near("first page of a category, each sort", |_, _, n| {
            format!("/slippers/?sort={}&category_id={}", sort(n), 1 + n % 3)
        }),
        deep("the deepest page, each sort", |_, depth, n| {
            format!("/slippers/?skip={depth}&sort={}", sort(n))
        }),
        deep("page after page, the last 900 to the deepest", |_, depth, n| {
            format!("/slippers/?sort=price_asc&skip={}", depth - SMALL_DEPTH + n * 20 % SMALL_DEPTH)
        }),
        // All that there are: eleven times as many products in the large shop, none of which stays in memory until its turn comes again.
        deep("page after page, from the first to the deepest", |_, depth, n| {
            format!("/slippers/?sort=price_asc&skip={}", n * 20 % depth)
        }),
        any("any page up to the deepest, each sort", SMALL_DEPTH, |_, depth, n| {
            format!("/slippers/?sort={}&skip={}", sort(n), scattered(n, depth / 20) * 20)
        }),
        any("any page of a category, each sort", SMALL_DEPTH_OF_CATEGORY, |_, depth, n| {
            format!("/slippers/?category_id=2&sort={}&skip={}", sort(n), scattered(n, depth / 20) * 20)
        }),
        near("search: a common word, the same again", |_, _, n| {
            format!("/slippers/?sort={}&search=slippers", sort(n))
        }),
        near("search: a common word, Cyrillic, the same again", |_, _, n| {
            format!("/slippers/?sort={}&search={}", sort(n), encoded("тапочки"))
        }),
        near("search: 1 character, the same again", |_, _, n| {
            format!("/slippers/?sort={}&search=a", sort(n))
        }),
        near("search: 1 character, Cyrillic, the same again", |_, _, n| {
            format!("/slippers/?sort={}&search={}", sort(n), encoded("о"))
        }),
        near("search: 2 characters (a size), the same again", |_, _, n| {
            format!("/slippers/?sort={}&search=42", sort(n))
        }),
        near("search: 3 characters, the same again", |_, _, n| {
            format!("/slippers/?sort={}&search={}", sort(n), encoded("тап"))
        }),
        near("search in a category, the same again", |_, _, n| {
            format!("/slippers/?sort={}&search=42&category_id=1", sort(n))
        }),
        near("search: rare, the same again", |names, _, n| {
            format!("/slippers/?search={}", name(names.unique, n % 8))
        }),
        near("search: rare, each for the first time", |names, _, n| {
            format!("/slippers/?search={}", name(names.unique, n))
        }),
        // There are some 4,900 of them, so a thousand times the products are a thousand times as many finds, and all are counted.
        near("search: a name that one of 4,900 has, each for the first time", |names, _, n| {
            format!("/slippers/?search={}", name(names.shared, n))
        }),
        nothing("search: none, the same again", |_, _, _| "/slippers/?search=zzzq".to_owned()),
        nothing("search: none, each for the first time", |_, _, n| format!("/slippers/?search=zq{n:x}q")),
        // The percent signs are of bytes that are no text.
        nothing("search: broken bytes, each for the first time", |_, _, n| {
            format!("/slippers/?search=%FF%FF%FF{n:x}")
        }),
        any("any page of a common search, each sort", SMALL_DEPTH_OF_SEARCH, |_, depth, n| {
            format!("/slippers/?sort={}&search=42&skip={}", sort(n), scattered(n, depth / 20) * 20)
        }),
        near("one product", |_, _, n| format!("/slippers/{}", 1 + n % 1000)),
    ]
}
