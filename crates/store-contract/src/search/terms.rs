//! Search, term by term: scripts, case, marks, names and sizes.

use slippers_core::catalog::{NewSlipper, SearchTerm, SlipperChange, SlipperQuery};
use slippers_core::types::{CategoryId, Page};

use crate::given::{NOW, Shop, all, new_slipper};
use crate::model::SORTS;

fn searching(text: &str) -> SlipperQuery {
    SlipperQuery { search: Some(SearchTerm::new(text).expect("a term")), ..all() }
}

/// The names of what is found, checked against the total.
async fn found(shop: &Shop, text: &str) -> Vec<String> {
    let page = shop.list_slippers(searching(text)).await.expect("a page");
    let names: Vec<String> = page.items.into_iter().map(|slipper| slipper.name).collect();
    assert_eq!(page.total, i64::try_from(names.len()).expect("few"), "{text:?}");
    assert!(page.total_is_exact, "{text:?}");
    names
}

async fn stock_names(shop: &Shop, names: &[&str]) {
    for name in names {
        shop.product(name, 1).await;
    }
}

pub async fn case_does_not_matter_in_any_script(shop: &Shop) {
    stock_names(shop, &["Mu Comfort", "Домашние Тапочки", "ÉTÉ Σας", "Straße", "İpek", "ЎЗБЕК Ёлка"]).await;
    for (text, expected) in [
        ("COMFORT", "Mu Comfort"),
        ("mu c", "Mu Comfort"),
        ("ТАПОЧКИ", "Домашние Тапочки"),
        ("домашние т", "Домашние Тапочки"),
        ("ДО", "Домашние Тапочки"),
        ("été", "ÉTÉ Σας"),
        ("ΣΑΣ", "ÉTÉ Σας"),
        ("σασ", "ÉTÉ Σας"),
        ("STRAß", "Straße"),
        ("i̇PEK", "İpek"),
        ("ўзбек", "ЎЗБЕК Ёлка"),
        ("ЁЛ", "ЎЗБЕК Ёлка"),
    ] {
        assert_eq!(found(shop, text).await, [expected], "{text:?}");
    }
    for text in ["елка", "комфорт", "strasse", "ete"] {
        assert_eq!(found(shop, text).await, [""; 0], "{text:?} is other letters");
    }
}

pub async fn every_keyboards_apostrophe_is_the_same(shop: &Shop) {
    let spellings = ["Oʻzbek", "Oʼzbek", "O‘zbek", "O’zbek", "O'zbek", "O`zbek", "O´zbek"];
    stock_names(shop, &spellings).await;
    for text in spellings.iter().copied().chain(["ʻ", "o'", "‘Z", "O`Z"]) {
        assert_eq!(found(shop, text).await, spellings, "{text:?}");
    }
}

pub async fn marks_mean_themselves(shop: &Shop) {
    let marks = [
        "%", "_", "\\", "\"", "*", "?", "[", "]", "^", "-", "+", "(", ")", ":", ".", "&", "|", "~", "$", "{",
        ";",
    ];
    for mark in marks.iter().copied().chain(["'"]) {
        stock_names(shop, &[format!("ab{mark}cd").as_str()]).await;
    }
    stock_names(shop, &["abcd", "abxcd", "ab cd"]).await;
    for mark in marks.iter().copied().chain(["'"]) {
        let expected = [format!("ab{mark}cd")];
        for text in [
            mark.to_string(),
            format!("b{mark}"),
            format!("{mark}c"),
            format!("b{mark}c"),
            expected[0].clone(),
        ] {
            assert_eq!(found(shop, &text).await, expected, "{text:?}");
        }
        for text in [
            format!("{mark}{mark}"),
            format!("{mark}{mark}{mark}"),
            format!("a{mark}"),
            format!("{mark}d{mark}"),
        ] {
            assert_eq!(found(shop, &text).await, [""; 0], "{text:?}");
        }
    }
}

pub async fn words_of_query_languages_are_words(shop: &Shop) {
    stock_names(
        shop,
        &["Salt AND pepper", "Now OR never", "NOT now", "Near(you)", "name: x", "a\"b\"c", "NULL"],
    )
    .await;
    for (text, expected) in [
        ("and", vec!["Salt AND pepper"]),
        ("or n", vec!["Now OR never"]),
        ("NOT", vec!["NOT now"]),
        ("now", vec!["Now OR never", "NOT now"]),
        ("near(", vec!["Near(you)"]),
        ("name:", vec!["name: x"]),
        ("\"b\"", vec!["a\"b\"c"]),
        ("null", vec!["NULL"]),
        ("salt OR now", vec![]),
        ("\"salt\"", vec![]),
        ("sal*", vec![]),
        ("' OR 1=1 --", vec![]),
    ] {
        assert_eq!(found(shop, text).await, expected, "{text:?}");
    }
}

pub async fn blanks_count_like_letters(shop: &Shop) {
    stock_names(shop, &["one two", "one  two", "onetwo", " lead", "trail "]).await;
    assert_eq!(found(shop, " ").await, ["one two", "one  two", " lead", "trail "]);
    assert_eq!(found(shop, "  ").await, ["one  two"]);
    assert_eq!(found(shop, "   ").await, [""; 0]);
    assert_eq!(found(shop, "one two").await, ["one two"]);
    assert_eq!(found(shop, "e t").await, ["one two"]);
    assert_eq!(found(shop, " l").await, [" lead"]);
    assert_eq!(found(shop, "l ").await, ["trail "]);
    assert_eq!(found(shop, " lead ").await, [""; 0]);
}

pub async fn sizes_are_searched_but_never_across_the_border(shop: &Shop) {
    for (name, size) in [("abc", "39-40"), ("39", "XL"), ("xyz", "ДЛ")] {
        shop.make(NewSlipper { size: size.into(), ..new_slipper(name) }).await;
    }
    assert_eq!(found(shop, "39").await, ["abc", "39"]);
    assert_eq!(found(shop, "39-").await, ["abc"]);
    assert_eq!(found(shop, "9-40").await, ["abc"]);
    assert_eq!(found(shop, "xl").await, ["39"]);
    assert_eq!(found(shop, "x").await, ["39", "xyz"]);
    assert_eq!(found(shop, "дЛ").await, ["xyz"]);
    for text in ["c3", "c39", "c 3", "abc39", "9x", "39x", "39XL", "0a", "40abc", "лx", "zд"] {
        assert_eq!(found(shop, text).await, [""; 0], "{text:?}");
    }
}

pub async fn terms_longer_than_every_name_find_nothing(shop: &Shop) {
    let name = "ж".repeat(100);
    stock_names(shop, &[&name, "жук"]).await;
    assert_eq!(found(shop, &name).await, [name.as_str()]);
    assert_eq!(found(shop, &"Ж".repeat(99)).await, [name.as_str()]);
    assert_eq!(found(shop, &"ж".repeat(101)).await, [""; 0]);
    assert_eq!(found(shop, &"ж".repeat(5000)).await, [""; 0]);
    assert_eq!(found(shop, "ж").await, [name.as_str(), "жук"]);
    for length in [60, 63, 64, 65, 99] {
        let (begins, ends) = (format!("{}у", "ж".repeat(length)), format!("у{}", "ж".repeat(length)));
        assert_eq!(found(shop, &begins).await, [""; 0], "{length} characters of it agree, the last does not");
        assert_eq!(found(shop, &ends).await, [""; 0], "{length} characters of it agree, the first does not");
    }
}

pub async fn characters_that_indexes_confuse_are_told_apart(shop: &Shop) {
    let names =
        ["ab\u{fffd}cd", "ab\u{fffe}cd", "ab\u{ffff}cd", "abcd", "ab\u{301}cd", "ab\tcd", "ab\u{200b}cd"];
    stock_names(shop, &names).await;
    for name in names {
        assert_eq!(found(shop, name).await, [name], "{name:?}");
    }
    for text in ["\u{fffd}", "b\u{fffe}", "\u{ffff}cd", "\t", "b\u{200b}c", "\u{301}c"] {
        let expected: Vec<&str> = names.into_iter().filter(|name| name.contains(text)).collect();
        assert_eq!((found(shop, text).await, expected.len()), (vec![expected[0].to_owned()], 1), "{text:?}");
    }
    for text in ["\0", "a\0", "ab\0cd", "\0abcd", "abcd\0", "ab\u{fffc}cd", "b\u{200d}c"] {
        assert_eq!(found(shop, text).await, [""; 0], "{text:?}");
    }
}

pub async fn characters_beyond_sixteen_bits_are_characters(shop: &Shop) {
    stock_names(shop, &["😀", "a😀b", "😀😁", "𝒳y"]).await;
    assert_eq!(found(shop, "😀").await, ["😀", "a😀b", "😀😁"]);
    assert_eq!(found(shop, "😀b").await, ["a😀b"]);
    assert_eq!(found(shop, "A😀B").await, ["a😀b"]);
    assert_eq!(found(shop, "😁").await, ["😀😁"]);
    assert_eq!(found(shop, "😂").await, [""; 0]);
    assert_eq!(found(shop, "𝒳Y").await, ["𝒳y"]);
}

pub async fn a_change_of_the_name_or_the_size_is_found_at_once(shop: &Shop) {
    let id = shop.product("Старый дом", 1).await;
    let other = shop.product("Bystander", 1).await;
    shop.set(id, SlipperChange { name: Some("Новый дом".into()), ..SlipperChange::default() }).await;
    for gone in ["с", "ст", "стар", "старый"] {
        assert_eq!(found(shop, gone).await, [""; 0], "{gone:?}");
    }
    for there in ["н", "но", "нов", "дом", "й д"] {
        assert_eq!(found(shop, there).await, ["Новый дом"], "{there:?}");
    }
    assert_eq!(found(shop, "39").await, ["Новый дом", "Bystander"]);
    shop.set(id, SlipperChange { size: Some("XXL".into()), ..SlipperChange::default() }).await;
    assert_eq!(found(shop, "39").await, ["Bystander"]);
    assert_eq!(found(shop, "3").await, ["Bystander"]);
    assert_eq!(found(shop, "xxl").await, ["Новый дом"]);
    shop.delete_slipper(id, NOW).await.expect("deleted");
    for gone in ["н", "но", "нов", "xxl", "x"] {
        assert_eq!(found(shop, gone).await, [""; 0], "{gone:?}");
    }
    assert_eq!(found(shop, "bys").await, ["Bystander"]);
    shop.delete_slipper(other, NOW).await.expect("deleted");
    assert_eq!(found(shop, "b").await, [""; 0]);
}

pub async fn a_change_back_is_found_too(shop: &Shop) {
    let id = shop.product("aa", 1).await;
    for name in ["bb", "aa", "AA", "aab", "aa"] {
        shop.set(id, SlipperChange { name: Some(name.into()), ..SlipperChange::default() }).await;
        assert_eq!(found(shop, name).await, [name]);
        assert_eq!(found(shop, &name[..1]).await, [name]);
    }
    assert_eq!(found(shop, "b").await, [""; 0]);
    assert_eq!(found(shop, "ab").await, [""; 0]);
}

pub async fn a_search_stays_inside_its_category(shop: &Shop) {
    let (home, beach) = (shop.category("Home").await, shop.category("Beach").await);
    for (name, category) in
        [("Mu one", Some(home)), ("Mu two", Some(beach)), ("Mu three", None), ("Nu", Some(home))]
    {
        shop.make(NewSlipper { category, ..new_slipper(name) }).await;
    }
    for (category, total) in [(Some(home), 1), (Some(beach), 1), (Some(CategoryId::new(99)), 0), (None, 3)] {
        for text in ["mu ", "mu", "m"] {
            let page =
                shop.list_slippers(SlipperQuery { category, ..searching(text) }).await.expect("a page");
            let listed = i64::try_from(page.items.len()).expect("few");
            assert_eq!((page.total, listed), (total, total), "{text:?} in {category:?}");
        }
    }
    assert_eq!(found(shop, "home").await, [""; 0], "a category's name is not searched");
}

pub async fn past_the_end_of_a_search_the_total_is_right(shop: &Shop) {
    stock_names(shop, &["Mu one", "Mu two", "Nu"]).await;
    for text in ["mu ", "mu", "m"] {
        for sort in SORTS {
            for skip in [2, 3, 10_001, i64::MAX - 1, i64::MAX] {
                let query = SlipperQuery { page: Page::new(skip, 100), sort, ..searching(text) };
                let page = shop.list_slippers(query).await.expect("a page");
                assert_eq!(
                    (page.items, page.total, page.total_is_exact),
                    (Vec::new(), 2, true),
                    "{text:?} {skip}"
                );
            }
        }
    }
}
