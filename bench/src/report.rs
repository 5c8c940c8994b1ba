//! Tables for people, values for machines.

use std::{collections::BTreeMap, fmt};

/// One line of a table.
pub(crate) struct Row(Vec<String>);

impl Row {
    pub(crate) fn new<const N: usize>(cells: [String; N]) -> Self {
        Self(cells.into())
    }
}

/// A table in Markdown, and the values behind it by name.
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Row>,
    pub(crate) values: BTreeMap<String, f64>,
}

impl Table {
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.to_owned(), columns, rows: Vec::new(), values: BTreeMap::new() }
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn value(&mut self, name: &str, value: f64) {
        self.values.insert(name.to_owned(), value);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n", self.title)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.columns.len()))?;
        for Row(cells) in &self.rows {
            writeln!(f, "| {} |", cells.join(" | "))?;
        }
        writeln!(f)
    }
}

/// The page `docs/benchmarks.md`, without its discussion.
pub(crate) fn page(tables: &[Table]) -> String {
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut page =
        format!("Machine: {model}, {cores} cores. All numbers are of one run of `cargo xtask bench`.\n\n");
    for table in tables {
        page.push_str(&table.to_string());
        page.push('\n');
    }
    page
}
