//! Canonical XML 1.1 (W3C, 2008) of a whole document or an element of it, for documents without comments, processing
//! instructions and attributes of the `xml` namespace, which are refused before.

use roxmltree::{Attribute, Node};

/// What `apex` and everything in it is signed as, but for the element `without`. `None` past `limit` bytes.
pub(super) fn canonical(apex: Node<'_, '_>, without: Option<Node<'_, '_>>, limit: usize) -> Option<String> {
    let mut out = Output { text: String::new(), limit };
    element(apex, None, without, &mut out)?;
    Some(out.text)
}

struct Output {
    text: String,
    limit: usize,
}

impl Output {
    fn push(&mut self, text: &str) -> Option<()> {
        (self.text.len() + text.len() <= self.limit).then(|| self.text.push_str(text))
    }

    fn escaped(&mut self, text: &str, escapes: &[(char, &str)]) -> Option<()> {
        text.chars().try_for_each(|char| match escapes.iter().find(|(from, _)| *from == char) {
            Some((_, to)) => self.push(to),
            None => self.push(char.encode_utf8(&mut [0; 4])),
        })
    }

    fn value(&mut self, text: &str) -> Option<()> {
        let escapes = [
            ('&', "&amp;"),
            ('<', "&lt;"),
            ('"', "&quot;"),
            ('\t', "&#x9;"),
            ('\n', "&#xA;"),
            ('\r', "&#xD;"),
        ];
        self.push("=\"")?;
        self.escaped(text, &escapes)?;
        self.push("\"")
    }
}

/// The names are those of the text: which of two prefixes of one namespace was written matters.
fn element(
    node: Node<'_, '_>,
    parent: Option<Node<'_, '_>>,
    without: Option<Node<'_, '_>>,
    out: &mut Output,
) -> Option<()> {
    let name = qualified_name(node)?;
    out.push("<")?;
    out.push(name)?;
    // Section 4.6 of Canonical XML 1.0: those in scope that are not yet in force, by prefix.
    let in_force = |prefix: Option<&str>, uri: &str| {
        parent.is_some_and(|parent| parent.namespaces().any(|at| at.name() == prefix && at.uri() == uri))
    };
    let mut namespaces: Vec<_> = node
        .namespaces()
        .filter(|namespace| namespace.name() != Some("xml") && !in_force(namespace.name(), namespace.uri()))
        .map(|namespace| (namespace.name(), namespace.uri()))
        .collect();
    namespaces.sort_unstable();
    for (prefix, uri) in namespaces {
        out.push(" xmlns")?;
        if let Some(prefix) = prefix {
            out.push(":")?;
            out.push(prefix)?;
        }
        out.value(uri)?;
    }
    let text = node.document().input_text();
    let mut attributes: Vec<Attribute<'_, '_>> = node.attributes().collect();
    attributes
        .sort_unstable_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
    for attribute in attributes {
        out.push(" ")?;
        out.push(text.get(attribute.range_qname())?)?;
        out.value(attribute.value())?;
    }
    out.push(">")?;
    for child in node.children().filter(|child| Some(*child) != without) {
        match child.text().filter(|_| child.is_text()) {
            Some(text) => {
                out.escaped(text, &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\r', "&#xD;")])?
            }
            None => element(child, Some(node), without, out)?,
        }
    }
    out.push("</")?;
    out.push(name)?;
    out.push(">")
}

/// Prefix and name, as the text has them.
fn qualified_name<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let tag = node.document().input_text().get(node.range())?.strip_prefix('<')?;
    tag.split(|char: char| char.is_ascii_whitespace() || char == '>' || char == '/').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    fn of(text: &str) -> String {
        canonical(Document::parse(text).unwrap().root_element(), None, 1024).unwrap()
    }

    // AT-06: the rules of the recommendation that a manifest can touch.
    #[test]
    fn documents_have_one_form() {
        for (text, expected) in [
            ("<?xml version=\"1.0\"?>\n <a/>\n ", "<a></a>"),
            ("<a  b = 'x'\n a=\"y\" ></a >", "<a a=\"y\" b=\"x\"></a>"),
            (
                "<a b='&quot;&apos;&lt;&gt;&amp;&#9;&#10;&#13;'/>",
                "<a b=\"&quot;'&lt;>&amp;&#x9;&#xA;&#xD;\"></a>",
            ),
            ("<a>&quot;&lt;&gt;&amp;&#13;\r\n<![CDATA[<]]></a>", "<a>\"&lt;&gt;&amp;&#xD;\n&lt;</a>"),
            // Namespaces before attributes, and by prefix; attributes by namespace, those of none first.
            (
                "<p:a xmlns:q='u:a' c='1' q:b='2' xmlns:p='u:b' p:a='3' xmlns='u:c'/>",
                "<p:a xmlns=\"u:c\" xmlns:p=\"u:b\" xmlns:q=\"u:a\" c=\"1\" q:b=\"2\" p:a=\"3\"></p:a>",
            ),
            // Once, where they come into force.
            (
                "<a xmlns='u' xmlns:p='v'><p:b xmlns:p='v' xmlns='u'/><c xmlns:p='w'/></a>",
                "<a xmlns=\"u\" xmlns:p=\"v\"><p:b></p:b><c xmlns:p=\"w\"></c></a>",
            ),
        ] {
            assert_eq!(of(text), expected);
        }
    }

    // AT-06: of an element all that is in scope.
    #[test]
    fn an_element_brings_its_scope() {
        let text = "<a xmlns='u' xmlns:p='v'><b><c p:x='1'/></b><d/></a>";
        let document = Document::parse(text).unwrap();
        let find = |name| document.descendants().find(|node| node.tag_name().name() == name);
        let inner = canonical(find("c").unwrap(), None, 1024).unwrap();
        assert_eq!(inner, "<c xmlns=\"u\" xmlns:p=\"v\" p:x=\"1\"></c>");
        let without = canonical(document.root_element(), find("b"), 1024).unwrap();
        assert_eq!(without, "<a xmlns=\"u\" xmlns:p=\"v\"><d></d></a>");
        let len = without.len();
        assert_eq!(canonical(document.root_element(), find("b"), len), Some(without));
        assert_eq!(canonical(document.root_element(), find("b"), len - 1), None);
    }
}
