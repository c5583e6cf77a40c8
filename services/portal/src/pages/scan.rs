//! A small reader of our own markup for the checks: tags, their attributes, and the text of a title.
//!
//! It reads what the templates write, which is regular; it is no general HTML parser.

/// A start tag.
#[derive(Debug)]
pub struct Tag<'a> {
    pub name: &'a str,
    pub attributes: Vec<(&'a str, &'a str)>,
    /// Byte offset of the tag's end in the page.
    pub end: usize,
}

impl<'a> Tag<'a> {
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// All start tags of a page.
pub fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|offset| at + offset) {
        let close = tag_end(html, open);
        let inner = html[open + 1..close].trim_end_matches('/');
        if inner.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let name = inner.split(|sign: char| sign.is_whitespace()).next().unwrap_or_default();
            found.push(Tag { name, attributes: attributes(&inner[name.len()..]), end: close + 1 });
        }
        at = close + 1;
    }
    found
}

/// The `>` that ends the tag, past those inside quoted values.
fn tag_end(html: &str, open: usize) -> usize {
    let mut quote = None;
    for (offset, sign) in html[open..].char_indices() {
        match (quote, sign) {
            (None, '"' | '\'') => quote = Some(sign),
            (Some(started), _) if started == sign => quote = None,
            (None, '>') => return open + offset,
            _ => {}
        }
    }
    panic!("a tag that starts with {:?} never ends", &html[open..(open + 40).min(html.len())]);
}

fn attributes(text: &str) -> Vec<(&str, &str)> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let name_end = rest.find(|sign: char| sign == '=' || sign.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let Some(value) = after.strip_prefix('=') else {
            found.push((name, ""));
            rest = after.trim_start();
            continue;
        };
        let quote = value.chars().next().filter(|sign| matches!(sign, '"' | '\'')).expect("values are quoted");
        let (value, after) = value[1..].split_once(quote).expect("a quoted value ends");
        found.push((name, value));
        rest = after.trim_start();
    }
    found
}

/// The text between the start and the end tag of the first such element.
pub fn text_of<'a>(html: &'a str, element: &str) -> &'a str {
    let start = html.find(&format!("<{element}>")).expect("the element is there") + element.len() + 2;
    let end = html[start..].find(&format!("</{element}>")).expect("the element ends");
    &html[start..start + end]
}
