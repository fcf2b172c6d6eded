//! What is made of the table of metrics lies in the repository as it is made.

use std::path::Path;

use slippers_server::{metrics_dashboard, metrics_page};

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that reads files")]
fn the_page_and_the_dashboard_are_those_of_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (file, made) in
        [("docs/metrics.md", metrics_page()), ("deploy/grafana/slippers.json", metrics_dashboard())]
    {
        let path = root.join(file);
        if std::env::var_os("SLIPPERS_WRITE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            std::fs::write(&path, &made).expect("it can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == made, "{file} is old: run the test with SLIPPERS_WRITE_DOCS=1");
    }
}
