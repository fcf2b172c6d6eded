//! What is made of the table for people: the page of the documentation, and Grafana's dashboard.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::table::{ALL, Group, Metric};

/// Panels in a row of the dashboard, of Grafana's 24 columns.
const COLUMNS: usize = 3;
const WIDTH: usize = 24 / COLUMNS;
const HEIGHT: usize = 8;

/// The table of all metrics, in Markdown.
pub fn metrics_page() -> String {
    let mut page = String::from(
        "# Metrics\n\n<!-- Made of crates/server/src/ops/metrics/table.rs; a test writes it with SLIPPERS_WRITE_DOCS=1. -->\n\n\
         With `METRICS_LISTEN=127.0.0.1:9100` they are at `http://127.0.0.1:9100/metrics`, on no other listener. Counters count\n\
         from the start of the process. `deploy/prometheus` has rules and alerts for them, `deploy/grafana` the dashboard.\n",
    );
    for group in Group::ALL {
        // Writing to a String can't fail.
        let _ = write!(
            page,
            "\n## {}\n\n| metric | kind | labels | tells |\n| --- | --- | --- | --- |\n",
            group.title()
        );
        for Metric { name, kind, labels, help, .. } in of(group) {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let _ = writeln!(page, "| `{name}` | {} | {} | {help} |", kind.word(), labels.join(", "));
        }
    }
    page
}

/// Grafana's dashboard: a row for each group, a panel for each metric.
pub fn metrics_dashboard() -> String {
    let mut panels = Vec::new();
    let mut top = 0;
    for group in Group::ALL {
        panels.push(json!({
            "id": panels.len() + 1, "type": "row", "title": group.title(), "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
        }));
        top += 1;
        for (at, metric) in of(group).enumerate() {
            let place = json!({
                "x": at % COLUMNS * WIDTH, "y": top + at / COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT,
            });
            panels.push(panel(panels.len() + 1, metric, &place));
        }
        top += of(group).count().div_ceil(COLUMNS) * HEIGHT;
    }
    let dashboard = json!({
        "uid": "slippers",
        "title": "Slippers",
        "tags": ["slippers"],
        "timezone": "browser",
        "schemaVersion": 38,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        ]},
        "panels": panels,
    });
    format!("{dashboard:#}\n")
}

fn of(group: Group) -> impl Iterator<Item = &'static Metric> {
    ALL.iter().copied().filter(move |metric| metric.group == group)
}

fn panel(id: usize, metric: &Metric, place: &Value) -> Value {
    let source = json!({"type": "prometheus", "uid": "${source}"});
    let targets: Vec<Value> = ["A", "B", "C", "D"]
        .iter()
        .zip(metric.queries)
        .map(|(name, query)| {
            json!({"refId": name, "expr": query.promql, "legendFormat": query.legend, "datasource": source})
        })
        .collect();
    json!({
        "id": id,
        "type": "timeseries",
        "title": title(metric),
        "description": format!("{} ({})", metric.help, metric.name),
        "datasource": source,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": metric.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    })
}

/// The metric's name in words: `http requests`.
fn title(metric: &Metric) -> String {
    let name = metric.name.strip_prefix("slippers_").unwrap_or(metric.name);
    name.strip_suffix("_total").unwrap_or(name).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_on_the_page_and_on_the_dashboard() {
        let (page, dashboard) = (metrics_page(), metrics_dashboard());
        let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
        let panels = dashboard["panels"].as_array().expect("panels");
        for metric in ALL {
            assert!(page.contains(&format!("| `{}` |", metric.name)), "{}", metric.name);
            let of_metric = |panel: &&Value| {
                panel["description"]
                    .as_str()
                    .is_some_and(|text| text.ends_with(&format!("({})", metric.name)))
            };
            let panel = panels.iter().find(of_metric).unwrap_or_else(|| panic!("no panel: {}", metric.name));
            assert_eq!(
                panel["targets"].as_array().map(Vec::len),
                Some(metric.queries.len()),
                "{}",
                metric.name
            );
            // It says what it draws about this metric, not about another.
            let base = metric.name;
            assert!(metric.queries.iter().all(|query| query.promql.contains(base)), "{base}");
        }
        assert_eq!(panels.len(), ALL.len() + Group::ALL.len());
    }
}
