//! Tables for people, values for machines.

use std::fmt;

/// One line of a table.
struct Row(Vec<String>);

/// What a value should be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// reported, and held to nothing
    None,
}

impl Target {
    /// The target in words, and whether `value` meets it: two cells.
    pub(crate) fn cells(self, value: f64) -> [String; 2] {
        let (text, met) = match self {
            Self::AtLeast(bound) => (format!("≥ {bound}"), value >= bound),
            Self::AtMost(bound) => (format!("≤ {bound}"), value <= bound),
            Self::None => return ["–".to_owned(), String::new()],
        };
        [text, if met { "met" } else { "**missed**" }.to_owned()]
    }
}

/// A table in Markdown.
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// With the columns `target` and nothing behind `columns`.
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().chain(&["target", ""]).map(|&column| column.to_owned()).collect();
        Self { title: title.to_owned(), columns, rows: Vec::new() }
    }

    /// A row, and what `value`, which it shows, should be.
    pub(crate) fn push<const N: usize>(&mut self, cells: [String; N], value: f64, target: Target) {
        self.rows.push(Row(cells.into_iter().chain(target.cells(value)).collect()));
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

/// Behind this line a page is measured; before it, written.
const MEASURED: &str = "<!-- measured: `cargo xtask bench --output` writes what follows -->";

/// `page` with these tables in the place of those that it had.
pub(crate) fn page(page: &str, tables: &[Table]) -> String {
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let written = page.split(MEASURED).next().unwrap_or_default().trim_end();
    let mut page = format!("{written}\n\n{MEASURED}\n\nMachine: {model}, {cores} cores; all of one run.\n\n");
    for table in tables {
        page.push_str(&table.to_string());
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}
