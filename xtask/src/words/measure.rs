//! Counts the sentences, words and widths that break a rule.

use super::text::{self, Line};

/// Pronouns that stand for a noun that a reader has to guess.
const NOUNS: [&str; 6] = ["what", "whatever", "whoever", "whichever", "whom", "whomever"];

/// Words that begin a sentence without a subject.
const STARTS: [&str; 12] =
    ["what", "whatever", "who", "whoever", "whom", "whichever", "where", "wherever", "whether", "of", "how", "why"];

/// Phrases with a plainer word in their place.
const AVOIDED: [&str; 19] = [
    "is over",
    "are over",
    "beside",
    "in the place of",
    "so long",
    "so many",
    "so much",
    "so often",
    "of its own",
    "of their own",
    "of one's own",
    "inside of",
    "now and then",
    "meanwhile",
    "at hand",
    "nobody",
    "somebody",
    "anybody",
    "in vain",
];

/// The widest comment and the widest line of a page.
const WIDEST_COMMENT: usize = 100;
const WIDEST_LINE: usize = 120;

/// A token of this length can't be broken, and may stand out.
const UNBREAKABLE: usize = 60;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    words: usize,
    nouns: usize,
    starts: usize,
    avoided: usize,
    wide: usize,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.words += other.words;
        self.nouns += other.nouns;
        self.starts += other.starts;
        self.avoided += other.avoided;
        self.wide += other.wide;
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of words")]
    fn per_thousand(&self, count: usize) -> f64 {
        count as f64 * 1000.0 / self.words.max(1) as f64
    }

    /// Returns `true` if the text keeps the rules. In a short text one sentence may break each.
    pub(super) fn within(&self, nouns: f64, starts: f64) -> bool {
        let few = |count: usize, most: f64| count <= 1 || self.per_thousand(count) <= most;
        few(self.nouns, nouns) && few(self.starts, starts) && self.avoided == 0 && self.wide == 0
    }

    pub(super) fn row(&self) -> String {
        let Self { words, nouns, starts, avoided, wide } = self;
        let [noun_rate, start_rate] = [self.per_thousand(*nouns), self.per_thousand(*starts)];
        format!("{words:>7} {nouns:>4} {noun_rate:>5.1} {starts:>4} {start_rate:>5.2} {avoided:>5} {wide:>5}")
    }
}

/// A line that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding<'a> {
    pub(super) line: usize,
    pub(super) rule: &'static str,
    pub(super) text: &'a str,
}

/// Measures a page, or the comments of a Rust file.
pub(super) fn measure(text: &str, is_page: bool) -> (Counts, Vec<Finding<'_>>) {
    let lines = if is_page { text::page(text) } else { text::comments(text) };
    let mut counts = Counts::default();
    let mut found = Vec::new();
    for sentence in sentences(&lines) {
        counts.words += sentence.words.len();
        found.extend(judge(&sentence));
    }
    let raw: Vec<&str> = text.lines().collect();
    let widest = if is_page { WIDEST_LINE } else { WIDEST_COMMENT };
    let mut measured = 0;
    for line in lines.iter().map(|line| line.number) {
        let text = raw.get(line - 1).copied().unwrap_or_default();
        if line != measured && is_too_wide(text, widest) {
            found.push((line, "wide"));
        }
        measured = line;
    }
    for (_, rule) in &found {
        match *rule {
            "noun" => counts.nouns += 1,
            "start" => counts.starts += 1,
            "wide" => counts.wide += 1,
            _ => counts.avoided += 1,
        }
    }
    found.sort_unstable();
    let line_of = |(line, rule)| Finding { line, rule, text: raw.get(line - 1).copied().unwrap_or_default() };
    (counts, found.into_iter().map(line_of).collect())
}

fn is_too_wide(line: &str, widest: usize) -> bool {
    let text = line.trim_start().trim_start_matches(['/', '!', ' ']);
    let breaks = line.split_whitespace().all(|token| token.chars().count() < UNBREAKABLE);
    line.chars().count() > widest && !text.starts_with('|') && breaks
}

/// The words of a sentence in lower case, each with its line.
#[derive(Debug, Default)]
struct Sentence {
    words: Vec<(usize, String)>,
    /// Set if the first word begins with a capital. Table cells often don't.
    is_capital: bool,
    is_question: bool,
}

fn sentences(lines: &[Line<'_>]) -> Vec<Sentence> {
    let mut sentences = vec![Sentence::default()];
    let mut is_pending = false;
    for line in lines {
        if line.begins {
            is_pending = false;
            sentences.push(Sentence::default());
        }
        let plain = without_code(line.text);
        for token in plain.split_whitespace() {
            let word: String = token.chars().filter(|c| c.is_alphabetic() || "'’-".contains(*c)).collect();
            let end = token.trim_end_matches(['"', '*', ')', ']', '_', '”']).chars().next_back();
            // "e.g." and a colon before a lower-case word do not end a sentence.
            if is_pending && token.chars().find(|c| c.is_alphanumeric()).is_none_or(|c| !c.is_lowercase()) {
                sentences.push(Sentence::default());
            }
            let Some(sentence) = sentences.last_mut() else { continue };
            if word.contains(char::is_alphabetic) {
                sentence.is_capital |= sentence.words.is_empty() && word.starts_with(char::is_uppercase);
                sentence.words.push((line.number, word.to_lowercase()));
            }
            is_pending = matches!(end, Some('.' | '!' | '?' | ':'));
            sentence.is_question = end == Some('?');
        }
    }
    sentences.retain(|sentence| !sentence.words.is_empty());
    sentences
}

/// Replaces code by a word, and drops the targets of links.
fn without_code(text: &str) -> String {
    let outside = |(index, piece): (usize, &str)| if index % 2 == 0 { piece.to_owned() } else { "code".to_owned() };
    let mut plain: String = text.split('`').enumerate().map(outside).collect();
    while let Some(start) = plain.find("](") {
        let end = plain.get(start..).and_then(|rest| rest.find(')')).map_or(plain.len(), |end| start + end + 1);
        plain.replace_range(start..end, " ");
    }
    plain.split_whitespace().filter(|token| !token.contains("://")).collect::<Vec<_>>().join(" ")
}

fn judge(sentence: &Sentence) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    if !sentence.is_question {
        let nouns = sentence.words.iter().filter(|(_, word)| NOUNS.contains(&word.as_str()));
        found.extend(nouns.map(|(line, _)| (*line, "noun")));
        if let Some((line, first)) = sentence.words.first()
            && sentence.is_capital
            && STARTS.contains(&first.as_str())
        {
            found.push((*line, "start"));
        }
    }
    for phrase in AVOIDED {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        let is_there = |words: &&[(usize, String)]| words.iter().map(|(_, word)| word).eq(phrase.iter());
        found.extend(
            sentence.words.windows(phrase.len()).filter(is_there).filter_map(|words| Some((words.first()?.0, "list"))),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Counts, measure};

    /// The rules that a comment breaks.
    fn broken(text: &str) -> Vec<&'static str> {
        measure(text, false).1.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn each_rule_finds_its_sentences() {
        let wide = format!("// {}", "word ".repeat(20));
        let table: [(&str, &str, &[&str]); 16] = [
            ("plain", "/// Loads the entry stored under `key`.", &[]),
            ("a noun that is missing", "/// What is under a key.", &["noun", "start"]),
            ("in the middle", "// The caller gets what it asked for.", &["noun"]),
            ("a question", "// What happens then? Nothing.", &[]),
            ("a relative clause", "// A client that knows the key, and a server which checks it.", &[]),
            ("a condition without a subject", "// It is there. Where it isn't, nothing happens.", &["start"]),
            ("a sentence over two lines", "// The rule is that\n// what counts is the end.", &["noun"]),
            ("in another paragraph", "/// Sends it (RFC 6265).\n///\n/// Of two cookies one is taken.", &["start"]),
            ("after a colon", "// Two cases: of these one is taken. In short: Whether it is so.", &["start"]),
            ("after an abbreviation", "// A number, e.g. of two cookies.", &[]),
            ("a word to avoid", "// Another request writes meanwhile.", &["list"]),
            ("two words to avoid over two lines", "// It waits so\n// long that it ends.", &["list"]),
            ("code", "// `what` and `meanwhile` are names.", &[]),
            ("a link", "/// See [the page](what-is-meant.md).", &[]),
            ("too wide", &wide, &["wide"]),
            (
                "a long address",
                "// https://example.org/a/very/long/address/that/can/not/be/broken/into/two/lines/whatever/the/width",
                &[],
            ),
        ];
        for (row, text, expected) in table {
            assert_eq!(broken(text), expected, "{row}");
        }
    }

    #[test]
    fn tables_of_pages_may_be_wide() {
        let row = format!("| {} |", "word ".repeat(40));
        assert_eq!(measure(&row, true).1, []);
        let line = "word ".repeat(40);
        assert_eq!(measure(&line, true).0, Counts { words: 40, wide: 1, ..Counts::default() });
    }

    #[test]
    fn limits_are_rates_except_for_short_texts() {
        let counts = |words, nouns, starts, avoided| Counts { words, nouns, starts, avoided, wide: 0 };
        let table = [
            ("nothing", counts(0, 0, 0, 0), true),
            ("one in a short text", counts(50, 1, 1, 0), true),
            ("two in a short text", counts(50, 2, 0, 0), false),
            ("at the limit", counts(10_000, 20, 3, 0), true),
            ("above it", counts(10_000, 21, 3, 0), false),
            ("too many starts", counts(10_000, 0, 4, 0), false),
            ("a word to avoid", counts(10_000, 0, 0, 1), false),
        ];
        for (row, counts, expected) in table {
            assert_eq!(counts.within(2.0, 0.3), expected, "{row}");
        }
    }
}
