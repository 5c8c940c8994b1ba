//! What goes to standard output: text, trees, JSON. Colour only where a terminal shows it (and `NO_COLOR` is not set).

use owo_colors::{OwoColorize, Stream, Style};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};
use termtree::Tree;

/// Prints a line or several. A reader that went away (`… | head`) is no error.
pub(crate) fn print(text: impl AsRef<str>) -> io::Result<()> {
    let text = text.as_ref();
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints JSON for machines, indented for people who look.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    print(serde_json::to_string_pretty(value)?)
}

/// Prints one line of JSON: services say so that they are ready.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<()> {
    print(serde_json::to_string(value)?)
}

/// Whatever an error says, on standard error.
pub(crate) fn error(failure: &impl std::fmt::Display) {
    let label = "error:".if_supports_color(Stream::Stderr, |text| text.red());
    // There is nowhere to say that standard error cannot be written to.
    let _ = writeln!(io::stderr(), "{label} {failure}");
}

fn styled(text: impl AsRef<str>, style: Style) -> String {
    text.as_ref().if_supports_color(Stream::Stdout, |text| text.style(style)).to_string()
}

/// A check that passed.
pub(crate) fn good(text: impl AsRef<str>) -> String {
    styled(text, Style::new().green())
}

/// A check that failed.
pub(crate) fn bad(text: impl AsRef<str>) -> String {
    styled(text, Style::new().red().bold())
}

/// What a reader must not miss.
pub(crate) fn warn(text: impl AsRef<str>) -> String {
    styled(text, Style::new().yellow())
}

/// What matters most on its line.
pub(crate) fn strong(text: impl AsRef<str>) -> String {
    styled(text, Style::new().bold())
}

/// Detail.
pub(crate) fn dim(text: impl AsRef<str>) -> String {
    styled(text, Style::new().dimmed())
}

/// A node that has children.
pub(crate) fn node(
    root: impl Into<String>,
    children: impl IntoIterator<Item = Tree<String>>,
) -> Tree<String> {
    Tree::new(root.into()).with_leaves(children)
}

/// A leaf.
pub(crate) fn leaf(text: impl Into<String>) -> Tree<String> {
    Tree::new(text.into())
}

/// A leaf `name value`, the names of a list in one column as wide as the longest register's.
pub(crate) fn field(name: &str, value: impl std::fmt::Display) -> Tree<String> {
    leaf(format!("{} {value}", dim(format!("{name:<17}"))))
}
