//! Reads the items of a module: its definitions, imports and child modules, and the paths in its
//! code. Items for tests are skipped.

use std::collections::BTreeSet;

use super::tokens::{Token, tokens};

/// The contents of a module.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) definitions: BTreeSet<String>,
    pub(super) imports: Vec<Import>,
    /// Paths of at least two segments outside imports.
    pub(super) paths: Vec<Vec<String>>,
    /// Every word outside imports, except the names of fields and methods after a dot.
    pub(super) words: BTreeSet<String>,
    pub(super) children: Vec<Child>,
    /// True if a macro might define further names.
    pub(super) calls_macros: bool,
}

/// One name that a `use` brings into scope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name in this module, or [`ALL`].
    pub(super) name: String,
    pub(super) is_public: bool,
}

/// The name of an import that ends with `::*`.
pub(super) const ALL: &str = "*";

/// A child module.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    /// The value of `#[path]`.
    pub(super) path: Option<String>,
    /// The contents of a module in braces.
    pub(super) body: Option<Body>,
}

pub(super) fn parse(text: &str) -> Body {
    let tokens = tokens(text);
    let mut body = Body::default();
    body.read_items(&tokens);
    body
}

impl Body {
    fn read_items(&mut self, mut rest: &[Token]) {
        while !rest.is_empty() {
            let attributes = Attributes::take(&mut rest);
            let (item, after) = split_item(rest);
            rest = after;
            if !attributes.is_for_tests {
                self.read_item(item, attributes.path);
            }
        }
    }

    fn read_item(&mut self, item: &[Token], path: Option<String>) {
        let (is_public, item) = without_visibility(item);
        match item {
            [first, tree @ ..] if first.is_word("use") => self.read_import(tree, is_public),
            [first, Token::Word(name), inner @ ..] if first.is_word("mod") => {
                let body = match inner {
                    [open, inner @ .., _] if open.is('{') => {
                        let mut body = Self::default();
                        body.read_items(inner);
                        Some(body)
                    }
                    _ => None,
                };
                self.children.push(Child { name: name.clone(), path, body });
            }
            [first, _, Token::Word(name), code @ ..] if first.is_word("macro_rules") => {
                self.definitions.insert(name.clone());
                self.read_code(code);
            }
            _ => {
                let name = defined_name(item);
                self.calls_macros |= name.is_none() && calls_macro(item);
                self.definitions.extend(name.map(str::to_owned));
                self.read_code(item);
            }
        }
    }

    fn read_import(&mut self, tree: &[Token], is_public: bool) {
        let mut rest = tree;
        // A path with a leading `::` names another crate.
        if rest.first() != Some(&Token::Colons) {
            read_tree(&mut rest, &[], is_public, &mut self.imports);
        }
    }

    /// Collects the words and paths of code, and the imports inside functions.
    fn read_code(&mut self, code: &[Token]) {
        let mut rest = code;
        let mut before: Option<&Token> = None;
        while let [first, after @ ..] = rest {
            let is_attribute = first.is('#') && after.first().is_some_and(|token| token.is('['));
            if is_attribute {
                if Attributes::take(&mut rest).is_for_tests {
                    rest = split_item(rest).1;
                }
                before = None;
                continue;
            }
            let is_import = first.is_word("use") && after.first().is_some_and(|token| !token.is('<'));
            if is_import {
                let (item, after) = split_item(rest);
                self.read_import(item.get(1..).unwrap_or_default(), false);
                (before, rest) = (None, after);
                continue;
            }
            if let Token::Word(word) = first {
                let follows = before.is_some_and(|token| token.is('.') || *token == Token::Colons);
                if !follows {
                    self.words.insert(word.clone());
                    let path = path_at(rest);
                    if path.len() > 1 {
                        self.paths.push(path);
                    }
                }
            }
            (before, rest) = (Some(first), after);
        }
    }
}

/// The attributes that matter here.
#[derive(Default)]
struct Attributes {
    is_for_tests: bool,
    path: Option<String>,
}

impl Attributes {
    fn take(rest: &mut &[Token]) -> Self {
        let mut found = Self::default();
        loop {
            let after = match *rest {
                [hash, after @ ..] if hash.is('#') => after,
                _ => return found,
            };
            let (is_inner, after) = match after {
                [bang, after @ ..] if bang.is('!') => (true, after),
                _ => (false, after),
            };
            let (group, after) = split_group(after);
            *rest = after;
            match group {
                [open, name, Token::Sign('='), Token::Text(path), _] if open.is('[') && name.is_word("path") => {
                    found.path = Some(path.clone());
                }
                [_, name, _] if name.is_word("test") => found.is_for_tests = true,
                [_, name, _, test, ..] if !is_inner && name.is_word("cfg") && test.is_word("test") => {
                    found.is_for_tests = true;
                }
                [_, name, _, all, condition @ ..] if !is_inner && name.is_word("cfg") && all.is_word("all") => {
                    let (condition, _) = split_group(condition);
                    let has_test = condition.windows(2).any(|pair| match pair {
                        [before, token] => (before.is('(') || before.is(',')) && token.is_word("test"),
                        _ => false,
                    });
                    let has_choice = condition.iter().any(|token| token.is_word("not") || token.is_word("any"));
                    found.is_for_tests |= has_test && !has_choice;
                }
                _ => {}
            }
        }
    }
}

/// Splits after the first item: after its `;`, or after the brace that closes its body.
fn split_item(tokens: &[Token]) -> (&[Token], &[Token]) {
    let (_, item) = without_visibility(tokens);
    // The value of a constant can contain braces.
    let ends_with_semicolon = match item {
        [first, second, ..] if first.is_word("const") => {
            !["fn", "unsafe", "async", "extern"].iter().any(|word| second.is_word(word))
        }
        [first, ..] => ["static", "type", "use"].iter().any(|word| first.is_word(word)),
        [] => false,
    };
    let mut depth = 0_usize;
    for (at, sign) in signs(tokens) {
        match sign {
            '(' | '[' | '{' => depth += 1,
            // The end of the block around the item.
            ')' | ']' | '}' if depth == 0 => return tokens.split_at(at.max(1)),
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        let is_end = sign == ';' || sign == '}' && !ends_with_semicolon;
        if is_end && depth == 0 {
            return tokens.split_at(at + 1);
        }
    }
    (tokens, &[])
}

/// Splits after the bracket that closes the first one.
fn split_group(tokens: &[Token]) -> (&[Token], &[Token]) {
    let mut depth = 0_usize;
    for (at, sign) in signs(tokens) {
        match sign {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return tokens.split_at(at + 1);
        }
    }
    (tokens, &[])
}

fn signs(tokens: &[Token]) -> impl Iterator<Item = (usize, char)> {
    tokens
        .iter()
        .enumerate()
        .filter_map(|(at, token)| if let Token::Sign(sign) = token { Some((at, *sign)) } else { None })
}

/// Returns whether an item has a visibility, and the item after it.
fn without_visibility(item: &[Token]) -> (bool, &[Token]) {
    match item {
        [first, rest @ ..] if first.is_word("pub") => {
            let has_scope = rest.first().is_some_and(|token| token.is('('));
            (true, if has_scope { split_group(rest).1 } else { rest })
        }
        _ => (false, item),
    }
}

/// Returns the name that an item defines.
fn defined_name(item: &[Token]) -> Option<&str> {
    const KINDS: [&str; 8] = ["struct", "enum", "union", "trait", "fn", "const", "static", "type"];
    const MODIFIERS: [&str; 7] = ["const", "async", "unsafe", "safe", "extern", "default", "mut"];
    let mut rest = item;
    while let [first, after @ ..] = rest {
        rest = after;
        let second = after.first().and_then(Token::word);
        let is_kind = first.word().is_some_and(|word| KINDS.contains(&word));
        let is_modifier = matches!(first, Token::Text(_)) || first.word().is_some_and(|word| MODIFIERS.contains(&word));
        match second {
            Some(name) if is_kind && !MODIFIERS.contains(&name) && name != "fn" => return Some(name),
            Some("mut") if is_kind => return rest.get(1).and_then(Token::word),
            _ if is_kind || is_modifier => {}
            _ => return None,
        }
    }
    None
}

/// Returns whether an item is the call of a macro.
fn calls_macro(item: &[Token]) -> bool {
    item.iter().find(|token| token.word().is_none() && **token != Token::Colons).is_some_and(|token| token.is('!'))
}

/// Returns the path that begins with the first word.
fn path_at(mut rest: &[Token]) -> Vec<String> {
    let mut path = Vec::new();
    while let [Token::Word(word), after @ ..] = rest {
        path.push(word.clone());
        match after {
            [Token::Colons, after @ ..] => rest = after,
            _ => break,
        }
    }
    path
}

/// Reads one tree of a `use`, such as `a::{self, b::*, C as D}`.
fn read_tree(rest: &mut &[Token], parent: &[String], is_public: bool, found: &mut Vec<Import>) {
    let mut path = parent.to_vec();
    let mut name: Option<String> = None;
    loop {
        match *rest {
            [Token::Word(word), Token::Word(new), after @ ..] if word == "as" => {
                name = Some(new.clone());
                *rest = after;
            }
            [Token::Word(word), after @ ..] => {
                // `a::{self}` imports `a`.
                if word != "self" || path.is_empty() {
                    path.push(word.clone());
                }
                *rest = after;
            }
            [Token::Colons, after @ ..] => *rest = after,
            [Token::Sign('*'), after @ ..] => {
                name = Some(ALL.to_owned());
                *rest = after;
            }
            [Token::Sign('{'), after @ ..] => {
                *rest = after;
                loop {
                    match *rest {
                        [Token::Sign('}'), after @ ..] => {
                            *rest = after;
                            return;
                        }
                        [Token::Sign(','), after @ ..] => *rest = after,
                        [Token::Word(_) | Token::Colons | Token::Sign('*' | '{'), ..] => {
                            read_tree(rest, &path, is_public, found);
                        }
                        _ => return,
                    }
                }
            }
            _ => break,
        }
    }
    if let Some(name) = name.or_else(|| path.last().cloned()) {
        found.push(Import { path, name, is_public });
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_kind_of_item_defines_its_name() {
        let body = parse(
            "pub struct A<T>(T); pub(crate) enum B { X { a: u8 } } trait C: D {} pub const unsafe fn e() -> [u8; 2] {}\n\
             const F: G = G { a: 1 }; static mut H: u8 = { 1 }; type I = J; macro_rules! k { () => {}; }\n\
             impl A<L> {} extern \"C\" fn m() {} call! { n } async fn o() { fn inner() {} } #[cfg(test)] fn p() {}",
        );
        let found: Vec<&str> = body.definitions.iter().map(String::as_str).collect();
        assert_eq!(found.join(" "), "A B C F H I e k m o");
        assert!(body.calls_macros);
    }

    #[test]
    fn imports_are_listed_one_by_one() {
        let table = [
            ("a name", "use a::B;", "a::B=B"),
            ("renamed", "use a::B as C;", "a::B=C"),
            ("a group", "use a::{self, b::{C, D as E}, f::*};", "a=a a::b::C=C a::b::D=E a::f=*"),
            ("of this module", "use self::a::B;", "self::a::B=B"),
            ("published", "pub(super) use a::B;", "a::B=B!"),
            ("inside a function", "fn f() { use a::B; use c::{D,}; }", "a::B=B c::D=D"),
            ("of another crate", "use ::a::B;", ""),
            ("captured lifetimes", "fn f() -> impl A + use<'_> {}", ""),
            (
                "for tests",
                "#[cfg(test)] use a::B; #[cfg(all(test, unix))] use c::D; #[cfg(not(test))] use e::F;",
                "e::F=F",
            ),
        ];
        for (row, text, expected) in table {
            let found: Vec<String> = parse(text)
                .imports
                .iter()
                .map(|it| format!("{}={}{}", it.path.join("::"), it.name, if it.is_public { "!" } else { "" }))
                .collect();
            assert_eq!(found.join(" "), expected, "{row}");
        }
    }

    #[test]
    fn paths_are_found_in_code() {
        let body = parse(
            "impl super::A for B { #[cfg(test)] fn t() { c::d(); } fn f(e: Vec<crate::F>) { self.g::<H>(); i::j::<k::L>(); } }",
        );
        let found: Vec<String> = body.paths.iter().map(|path| path.join("::")).collect();
        assert_eq!(found, ["super::A", "crate::F", "i::j", "k::L"]);
    }
}
