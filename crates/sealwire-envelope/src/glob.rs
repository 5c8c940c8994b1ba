//! Globs over paths (EN-59), and which of two says less (EN-56, SP-69).

/// Whether the whole of `path` matches `glob` (EN-59): `**` is any text, `*` any text without `/`, `?` one character that
/// is not `/`; case matters. The work is bounded by the product of the lengths, whatever the glob looks like.
#[must_use]
pub fn matches(glob: &str, path: &str) -> bool {
    let tokens = tokens(glob);
    // Which tokens may come next: all places in the glob that the path so far can have led to.
    let mut reached = vec![false; tokens.len() + 1];
    reach(&tokens, &mut reached, 0);
    for character in path.chars() {
        let mut next = vec![false; reached.len()];
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| reached.get(*at) == Some(&true)) {
            let leads_to = match token {
                Token::Any => at,
                Token::AnyInSegment if character != '/' => at,
                Token::One if character != '/' => at + 1,
                Token::Literal(literal) if *literal == character => at + 1,
                _ => continue,
            };
            reach(&tokens, &mut next, leads_to);
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// Whether every path that `child` matches is matched by `parent` (EN-56), going by whole segments. `false` where that
/// cannot be told so.
#[must_use]
pub fn is_subset(child: &str, parent: &str) -> bool {
    let mut child = child.split('/').peekable();
    for parent in parent.split('/') {
        let Some(segment) = child.peek() else { return false };
        let covered = match (parent, *segment) {
            ("**", _) => return true,
            (_, "**") => false,
            ("*", _) => true,
            (parent, segment) => parent == segment,
        };
        if !covered {
            return false;
        }
        child.next();
    }
    child.next().is_none()
}

/// Whether [`is_subset`] may be asked about this glob at all (SP-69): `**` is its last segment, or does not occur. Inside a
/// segment it crosses `/`, which an answer by segments would miss.
#[must_use]
pub fn is_delegable(glob: &str) -> bool {
    let before =
        glob.strip_suffix("**").filter(|rest| rest.is_empty() || rest.ends_with('/')).unwrap_or(glob);
    !before.contains("**")
}

enum Token {
    Any,
    AnyInSegment,
    One,
    Literal(char),
}

/// From left to right, `**` before `*`.
fn tokens(glob: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(glob.len());
    let mut characters = glob.chars().peekable();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' if characters.next_if_eq(&'*').is_some() => Token::Any,
            '*' => Token::AnyInSegment,
            '?' => Token::One,
            literal => Token::Literal(literal),
        });
    }
    tokens
}

/// Marks a place, and those behind it that need no character.
fn reach(tokens: &[Token], reached: &mut [bool], from: usize) {
    for at in from..reached.len() {
        let Some(slot) = reached.get_mut(at) else { return };
        if std::mem::replace(slot, true) || !matches!(tokens.get(at), Some(Token::Any | Token::AnyInSegment))
        {
            return;
        }
    }
}
