//! Puts what was measured into one page and two pictures.
//!
//!   slippers-bench report FOLDER TARGET HEADING...
//!
//! FOLDER holds what the others have printed: `kept.txt`, `beside.md`, `percentiles.md`, `growth.md`. Written are
//! `RESULTS.md`, `limits.svg` and `growth.svg` in TARGET; each HEADING is a line of the page's head.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::Outcome;

/// The legacy shop's own figures on two such cores (four workers, 64 connections, 1,000 products), medians.
const BEFORE: &str = "\
| page | before: requests a second | before: p50 | before: p99 |
| --- | --- | --- | --- |
| kept page of 20 | 208 to 413 | 162 ms | 708 ms |
| cold page of 20, 1,000 products | 114 to 145 | | |
| cold page of 20, 100,000 products | 14 | 3600 ms | |
| one product | 175 to 500 | | |
| add to a cart | 113 to 120 | | |
| order | 66 to 74 | | |
";

/// A bar: what it is, how long it is, and what is wanted, if anything is.
struct Bar {
    name: String,
    value: f64,
    wanted: Option<f64>,
}

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [folder, target, headings @ ..] = arguments else {
        return Err("usage: slippers-bench report FOLDER TARGET HEADING...".into());
    };
    let read = |name: &str| fs::read_to_string(Path::new(folder).join(name));
    let (kept, beside) = (read("kept.txt")?, read("beside.md")?);
    let (percentiles, growth) = (read("percentiles.md")?, read("growth.md")?);
    let mut limits = bars_of_kept(&kept);
    limits.extend(bars_of_table(&beside, 0, 3, Some(4)));
    // p50 and CPU of each kind of page.
    let (mut growing, cpu) = (bars_of_table(&growth, 1, 4, None), bars_of_table(&growth, 1, 7, None));
    for (bar, cpu) in growing.iter_mut().zip(cpu) {
        (bar.value, bar.wanted) = (bar.value.max(cpu.value), Some(1.3));
    }
    let mut page = String::from("# Results\n\nWritten by `script/bench`; ratios are what counts.\n\n");
    for line in headings {
        writeln!(page, "- {line}")?;
    }
    page.push_str("\n## Beside the limits\n\n![Ratios to the limits](limits.svg)\n\nKept pages of a shop of 1,000 products, the bare hyper server sends the same bytes:\n\n```text\n");
    write!(
        page,
        "{kept}```\n\nPostgreSQL with its disk, pgbench runs the same SQL; no page is kept but where that is said, rows in memory are as they \
         are by default:\n\n{beside}\n"
    )?;
    write!(
        page,
        "## What clients wait\n\nOpen-loop load: a wait begins when its request was due, sent or not.\n\n{percentiles}\n"
    )?;
    write!(
        page,
        "The guide's own table, with this shop beside it. Its waits are at a given rate, those of the legacy with 64 connections that never \
         pause:\n\n{}\n",
        guide(&kept, &percentiles)?
    )?;
    write!(page, "The shop that this one replaces, on such a machine:\n\n{BEFORE}\n")?;
    write!(page, "## Growth\n\n![What a page costs in a large shop](growth.svg)\n\n{growth}")?;
    let target = Path::new(target);
    fs::write(target.join("RESULTS.md"), page)?;
    fs::write(
        target.join("limits.svg"),
        picture("Ratio to the limit beside it; the mark is what is wanted", &limits),
    )?;
    let title = "Large shop to small one, the worse of p50 and processor time; the mark is the limit";
    fs::write(target.join("growth.svg"), picture(title, &growing))?;
    Ok(())
}

/// The table of the guide by which the legacy shop was tuned, and what was measured: a kept page of 20, and one that is not
/// kept on PostgreSQL, as it was there.
fn guide(kept: &str, percentiles: &str) -> Result<String, Box<dyn Error>> {
    let missing = |what: &str| format!("{what} was not measured");
    let rate = kept.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rate =
        rate.into_iter().find(|columns| columns.first() == Some(&"list")).ok_or_else(|| missing("a list"))?;
    let rate: f64 = rate.get(2).ok_or_else(|| missing("a rate"))?.parse()?;
    let waits = |page: &str| -> Result<[f64; 2], Box<dyn Error>> {
        let row = percentiles
            .lines()
            .map(cells)
            .find(|row| row.first() == Some(&page) && row.get(1) == Some(&"2000"));
        let row = row.ok_or_else(|| missing(page))?;
        let millis = |at: usize| -> Result<f64, Box<dyn Error>> {
            Ok(row.get(at).ok_or_else(|| missing(page))?.parse::<f64>()? / 1000.0)
        };
        Ok([millis(3)?, millis(4)?])
    };
    let [kept_median, kept_p95] = waits("page of 20, kept, SQLite")?;
    let [cold_median, cold_p95] = waits("page of 20, cold, PostgreSQL")?;
    let exhausted = percentiles.split("pool exhausted ").skip(1).filter_map(|rest| rest.split(' ').next());
    let exhausted: f64 = exhausted.map(str::parse::<f64>).sum::<Result<_, _>>()?;
    Ok(format!(
        "\
| | guide, before | guide, expected | legacy, measured | this shop, kept | this shop, nothing kept, PostgreSQL |
| --- | --- | --- | --- | --- | --- |
| requests a second | 500 | 1,500 to 2,000 | 208 to 413 kept, 114 to 145 not | {rate:.0} | 2,000, which were asked for |
| p50 | 120 ms | 40 to 60 ms | 162 ms kept | {kept_median:.1} ms at 2,000 a second | {cold_median:.1} ms |
| p95 | 450 ms | 150 to 200 ms | not measured | {kept_p95:.1} ms | {cold_p95:.1} ms |
| pool exhausted | common | rare | | {exhausted:.0} times in all of this section | |
"
    ))
}

fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

fn bars_of_kept(text: &str) -> Vec<Bar> {
    let bar = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let name = format!("{}, {} connections", columns.first()?, columns.get(1)?);
        Some(Bar { name, value: columns.get(4)?.parse().ok()?, wanted: Some(0.85) })
    };
    text.lines().filter_map(bar).collect()
}

/// A bar for each row whose column `value` is a number.
fn bars_of_table(text: &str, name: usize, value: usize, wanted: Option<usize>) -> Vec<Bar> {
    let bar = |line: &str| {
        let columns = cells(line);
        let number = |at: usize| columns.get(at).and_then(|text| text.parse().ok());
        let first = if name > 0 { format!("{}: ", columns.first()?) } else { String::new() };
        let name = format!("{first}{}", columns.get(name)?);
        Some(Bar { name, value: number(value)?, wanted: wanted.and_then(number) })
    };
    text.lines().filter_map(bar).collect()
}

/// Bars one below the other.
fn picture(title: &str, bars: &[Bar]) -> String {
    const LEFT: f64 = 360.0;
    const WIDE: f64 = 420.0;
    const HIGH: f64 = 22.0;
    const MOST_SHOWN: f64 = 2.0;
    // What is far beyond all others is cut off, and its number told: else nothing is seen of the rest.
    let most =
        bars.iter().map(|bar| bar.value.max(bar.wanted.unwrap_or(0.0))).fold(0.01, f64::max).min(MOST_SHOWN);
    let height = 40.0 + HIGH * f64::from(u32::try_from(bars.len()).unwrap_or(0));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"10\" y=\"20\" \
         font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    let mut y = 34.0;
    for bar in bars {
        let (length, text) = (bar.value.min(most) / most * WIDE, y + 13.0);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{}</text><rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" \
             height=\"16\" fill=\"#4a7ba6\"/><text x=\"{:.1}\" y=\"{text}\">{:.2}{}</text>",
            LEFT - 6.0,
            escaped(&bar.name),
            LEFT + WIDE + 6.0,
            bar.value,
            bar.wanted
                .filter(|wanted| *wanted > most)
                .map_or_else(String::new, |wanted| format!(" ({wanted})")),
        );
        if let Some(wanted) = bar.wanted {
            let x = LEFT + wanted.min(most) / most * WIDE;
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#c0392b\" stroke-width=\"2\"/>",
                y - 2.0,
                y + 18.0
            );
        }
        y += HIGH;
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_s_table_has_what_was_measured() {
        let kept = "case conns shop/s\nlist 64 50123 60000 0.8\nlist 512 1 1 1\n";
        let percentiles = "| page of 20, kept, SQLite | 2000 | 6000 | 215 | 2455 | 1 | 1 | 1 |\n\
            | page of 20, cold, PostgreSQL | 2000 | 6000 | 1400 | 5500 | 1 | 1 | 1 |\n\n\
            - kept: pool exhausted 2 times\n- cold: pool exhausted 3 times\n";
        let table = guide(kept, percentiles).expect("a table");
        for told in ["| 50123 |", "| 0.2 ms at", "| 1.4 ms |", "| 2.5 ms | 5.5 ms |", "| 5 times"] {
            assert!(table.contains(told), "{told} in {table}");
        }
        assert!(guide(kept, "").is_err(), "nothing is made up");
    }

    #[test]
    fn tables_become_bars() {
        let kept = "case conns shop/s bare/s ratio\nlist 64 100 120 0.833 10.1 9.2\n";
        let bars = bars_of_kept(kept);
        assert_eq!((bars.len(), bars[0].name.as_str(), bars[0].value), (1, "list, 64 connections", 0.833));
        let table = "| store | page | a | b | ratio |\n| --- | --- | --- | --- | --- |\n| SQLite | near | 1 | 2 | 1.10 |\n";
        let bars = bars_of_table(table, 1, 4, None);
        assert_eq!((bars.len(), bars[0].name.as_str(), bars[0].value), (1, "SQLite: near", 1.1));
        let far = picture("far", &[Bar { name: "x".into(), value: 18.8, wanted: Some(6.0) }]);
        assert!(
            far.contains("width=\"420.0\"") && far.contains(">18.80 (6)<") && far.contains("x1=\"780.0\"")
        );
        let svg = picture("a < b", &bars);
        assert!(svg.contains("a &lt; b") && svg.contains("SQLite: near") && svg.ends_with("</svg>\n"));
    }
}
