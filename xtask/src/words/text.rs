//! Takes the prose out of sources and pages.

/// A line of prose, without the marks of comments, lists and headings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) text: &'a str,
    /// Set if the line begins a paragraph, a list item, a heading or a table cell.
    pub(super) begins: bool,
}

/// Returns the comments of a Rust file, without the code of examples.
pub(super) fn comments(source: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let (mut before, mut fence) = ("", false);
    for (line, number) in source.lines().zip(1..) {
        let Some((mark, text)) = comment(line) else {
            (before, fence) = ("", false);
            continue;
        };
        let is_doc = mark != "//";
        if is_doc && text.trim_start().starts_with("```") {
            (before, fence) = ("", !fence);
            continue;
        }
        if is_doc && fence {
            continue;
        }
        push(&mut lines, number, text, before != mark);
        before = if text.trim().is_empty() { "" } else { mark };
    }
    lines
}

/// The mark and the text of a line that is a comment.
fn comment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let mark = ["///", "//!", "//"].into_iter().find(|mark| line.starts_with(mark))?;
    let text = line.strip_prefix(mark)?;
    // A line of slashes is a rule, not a text.
    (!text.starts_with('/')).then_some((mark, text))
}

/// Returns the text of a page, without its blocks of code.
pub(super) fn page(page: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let (mut begins, mut fence) = (true, false);
    for (line, number) in page.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            (begins, fence) = (true, !fence);
        } else if !fence {
            push(&mut lines, number, line, begins);
            begins = line.trim().is_empty();
        }
    }
    lines
}

fn push<'a>(lines: &mut Vec<Line<'a>>, number: usize, text: &'a str, begins: bool) {
    let text = text.trim();
    if let Some(cells) = text.strip_prefix('|') {
        let cells = cells.split('|').map(str::trim).filter(|cell| !cell.is_empty());
        lines.extend(cells.map(|text| Line { number, text, begins: true }));
        return;
    }
    let bare = without_marks(text);
    if !bare.is_empty() {
        lines.push(Line { number, text: bare, begins: begins || bare.len() < text.len() });
    }
}

/// Removes the marks of list items, quotes and headings.
fn without_marks(mut text: &str) -> &str {
    loop {
        let number = text.find(|c: char| !c.is_ascii_digit()).unwrap_or_default();
        let rest = match text.get(number..) {
            Some(rest) if number > 0 => rest.strip_prefix(". "),
            _ => ["- ", "* ", "> "].iter().find_map(|mark| text.strip_prefix(mark)),
        };
        let heading = text.trim_start_matches('#');
        match rest {
            Some(rest) => text = rest.trim_start(),
            None if heading.starts_with(' ') => text = heading.trim_start(),
            None => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, comments, page};

    fn texts<'a>(lines: &[Line<'a>]) -> Vec<(usize, &'a str, bool)> {
        lines.iter().map(|line| (line.number, line.text, line.begins)).collect()
    }

    #[test]
    fn comments_are_found() {
        let source = "//! A file.\n//! Its text.\n\n/// # Examples\n/// ```\n/// let a = 1;\n/// ```\nfn a() {}\n    // Why.\n\
                      //////////\n/// - an item\n///   goes on\n";
        let expected = [
            (1, "A file.", true),
            (2, "Its text.", false),
            (4, "Examples", true),
            (9, "Why.", true),
            (11, "an item", true),
            (12, "goes on", false),
        ];
        assert_eq!(texts(&comments(source)), expected);
    }

    #[test]
    fn pages_are_read_without_their_code() {
        let text = "# A page\n\nText that\ngoes on.\n\n```rust\nlet a = 1;\n```\n\n1. first\n2. second\n\n| a cell | another |\n|---|---|\n";
        let expected = [
            (1, "A page", true),
            (3, "Text that", true),
            (4, "goes on.", false),
            (10, "first", true),
            (11, "second", true),
            (13, "a cell", true),
            (13, "another", true),
            (14, "---", true),
            (14, "---", true),
        ];
        assert_eq!(texts(&page(text)), expected);
    }
}
