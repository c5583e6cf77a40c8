//! JSON as FHIR needs it: decimals keep their digits, a key that stands twice is noticed, and nothing nests or goes on without
//! end.
//!
//! serde_json reads; this only keeps what its own values would lose. Texts are borrowed from the body, so a document of
//! some megabytes is not copied. Deliberately not here: what the members of an object mean (element).

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::adapters::without_mark;

/// FHIR nests some ten levels; items of a questionnaire a few more.
pub const DEEPEST: usize = 48;
/// Most values of a body: each costs more memory than the few bytes that it is written with. A Bundle of a thousand resources
/// has some fifty thousand.
pub const MOST_VALUES: usize = 200_000;
/// Up to so many members, comparing each with each is faster than hashing.
const FEW: usize = 24;
/// Elements of type decimal, whose digits matter (FHIR R4 section 2.6.2.3). Other numbers are whole.
const DECIMALS: [&str; 2] = ["value", "valueDecimal"];

/// A value. PHI: no `Debug`.
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` and `false`
    Bool(bool),
    /// A number, as it was written.
    Number(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// `[...]`
    List(Vec<Json<'a>>),
    /// `{...}`
    Object(Object<'a>),
}

/// The members of an object, in their order. PHI: no `Debug`.
#[derive(Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    is_ambiguous: bool,
}

/// A body is no JSON that can be read. What stands there is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// Line of the first fault.
    pub line: usize,
    /// Its column.
    pub column: usize,
    /// Why.
    pub why: Why,
}

/// Why a body can not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is no JSON.
    Syntax,
    /// It is in another encoding than UTF-8.
    Encoding,
    /// It nests more than [`DEEPEST`] levels.
    TooDeep,
    /// It became more than [`MOST_VALUES`].
    TooMuch,
}

/// Reads a body.
///
/// # Errors
/// It is no JSON, nests too deeply, or something follows after it.
pub fn read(body: &[u8]) -> Result<Json<'_>, Unreadable> {
    let mut reader = serde_json::Deserializer::from_slice(without_mark(body));
    let (count, is_too_deep) = (Cell::new(0), Cell::new(false));
    let seed = Seed { left: DEEPEST, count: &count, is_too_deep: &is_too_deep };
    let read = seed.deserialize(&mut reader).and_then(|json| reader.end().map(|()| json));
    read.map_err(|cause| {
        let why = match () {
            () if !is_utf8(body) => Why::Encoding,
            () if is_too_deep.get() => Why::TooDeep,
            () if count.get() > MOST_VALUES => Why::TooMuch,
            () => Why::Syntax,
        };
        Unreadable { line: cause.line(), column: cause.column(), why }
    })
}

/// In UTF-16 each sign of ASCII has a zero byte beside it, also where that is good UTF-8.
fn is_utf8(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok() && !body.iter().take(2).any(|byte| *byte == 0)
}

impl<'a> Object<'a> {
    /// A member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A text, whatever else it may be: empty where it is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Json::Text(text)) => text.trim(),
            _ => "",
        }
    }

    /// A number as it was written; empty where it is none.
    #[must_use]
    pub fn number(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Json::Number(digits)) => digits,
            _ => "",
        }
    }

    /// An object below.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Object<'a>> {
        match self.get(name) {
            Some(Json::Object(member)) => Some(member),
            _ => None,
        }
    }

    /// The objects of a list below.
    pub fn objects(&self, name: &str) -> impl Iterator<Item = &Object<'a>> {
        let all = match self.get(name) {
            Some(Json::List(all)) => all.as_slice(),
            _ => &[],
        };
        all.iter().filter_map(|one| match one {
            Json::Object(object) => Some(object),
            _ => None,
        })
    }

    /// All members.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.members.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// A key that stands in it twice, so that nobody knows which value is meant.
    #[must_use]
    pub fn doubled(&self) -> Option<&str> {
        let mut seen = HashSet::new();
        self.members().filter(|_| self.is_ambiguous).map(|(key, _)| key).find(|key| !seen.insert(*key))
    }

    fn push(&mut self, key: Cow<'a, str>, value: Json<'a>, seen: &mut HashSet<String>) {
        if self.members.len() < FEW {
            self.is_ambiguous |= self.members.iter().any(|(known, _)| *known == key);
        } else {
            if seen.is_empty() {
                seen.extend(self.members.iter().map(|(known, _)| known.to_string()));
            }
            self.is_ambiguous |= !seen.insert(key.to_string());
        }
        self.members.push((key, value));
    }
}

impl Json<'_> {
    /// Writes what it says in one way only: members in order of their names, no blanks, texts in quotes. `skip` names members
    /// of the outermost object that are left out.
    pub fn write_plainly(&self, skip: &[&str], out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(is) => out.push_str(if *is { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quote(text, out),
            Self::List(values) => {
                out.push('[');
                for (at, value) in values.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    value.write_plainly(&[], out);
                }
                out.push(']');
            }
            Self::Object(object) => {
                let mut members: Vec<_> = object.members().filter(|(key, _)| !skip.contains(key)).collect();
                members.sort_by_key(|(key, _)| *key);
                out.push('{');
                for (at, (key, value)) in members.into_iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    quote(key, out);
                    out.push(':');
                    value.write_plainly(&[], out);
                }
                out.push('}');
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Reads one value, and no more levels below it than are left.
#[derive(Clone, Copy)]
struct Seed<'c> {
    left: usize,
    /// How many values were read.
    count: &'c Cell<usize>,
    is_too_deep: &'c Cell<bool>,
}

impl Seed<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| {
            self.is_too_deep.set(true);
            E::custom("nested too deeply")
        })?;
        Ok(Self { left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > MOST_VALUES {
            return Err(de::Error::custom("too many values"));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Cow::Owned(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Cow::Owned(value.to_string())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut reader: A) -> Result<Json<'de>, A::Error> {
        let (seed, mut values) = (self.deeper()?, Vec::new());
        while let Some(value) = reader.next_element_seed(seed)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut reader: A) -> Result<Json<'de>, A::Error> {
        let (seed, mut object, mut seen) = (self.deeper()?, Object::default(), HashSet::new());
        while let Some(key) = reader.next_key_seed(Key)? {
            let value = match DECIMALS.contains(&key.as_ref()) {
                false => reader.next_value_seed(seed)?,
                true => decimal(reader.next_value()?, seed)?,
            };
            object.push(key, value, &mut seen);
        }
        Ok(Json::Object(object))
    }
}

/// A number as it was written; anything else in the same place is read again.
fn decimal<'de, E: de::Error>(raw: &'de RawValue, seed: Seed<'_>) -> Result<Json<'de>, E> {
    let text = raw.get();
    if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        seed.count.set(seed.count.get() + 1);
        return Ok(Json::Number(Cow::Borrowed(text)));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    seed.deserialize(&mut reader).map_err(|_| E::custom("unreadable value"))
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Cow<'de, str>, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<String, Unreadable> {
        let mut out = String::new();
        read(text.as_bytes())?.write_plainly(&[], &mut out);
        Ok(out)
    }

    #[test]
    fn the_same_content_is_written_in_the_same_way_whatever_its_order_and_blanks() {
        let one = plain("{\"b\": [1, true, null], \"a\": {\"z\": \"\\u00e9\\\"\", \"y\": -2}}").expect("JSON");
        assert_eq!(one, "{\"a\":{\"y\":-2,\"z\":\"é\\\"\"},\"b\":[1,true,null]}");
        assert_eq!(plain("\u{feff}{\"a\":{\"y\":-2,\"z\":\"é\\\"\"},\"b\":[1,true,null]}").as_ref(), Ok(&one));
        let mut out = String::new();
        read(b"{\"timestamp\":1,\"a\":{\"timestamp\":2}}").expect("JSON").write_plainly(&["timestamp"], &mut out);
        assert_eq!(out, "{\"a\":{\"timestamp\":2}}", "only the outermost is left out");
    }

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(
            plain("{\"valueDecimal\":1.50,\"value\":0.100}").as_deref(),
            Ok("{\"value\":0.100,\"valueDecimal\":1.50}")
        );
        assert_eq!(plain("{\"value\":{\"value\":\"x\"}}").as_deref(), Ok("{\"value\":{\"value\":\"x\"}}"));
    }

    #[test]
    fn a_key_that_stands_twice_is_noticed_in_small_and_in_large_objects() {
        let ambiguous = |text: &str| match read(text.as_bytes()) {
            Ok(Json::Object(object)) => object.doubled().is_some(),
            _ => panic!("no object"),
        };
        assert!(ambiguous("{\"a\":1,\"b\":2,\"a\":3}") && !ambiguous("{\"a\":{\"b\":1},\"b\":2}"));
        let many: Vec<String> = (0..200).map(|number| format!("\"k{number}\":1")).collect();
        assert!(!ambiguous(&format!("{{{}}}", many.join(","))));
        assert!(
            ambiguous(&format!("{{{},\"k3\":1}}", many.join(",")))
                && ambiguous(&format!("{{{},\"k199\":1}}", many.join(",")))
        );
    }

    #[test]
    fn what_is_no_json_or_nests_without_end_is_refused_with_its_place() {
        let cut = Unreadable { line: 2, column: 9, why: Why::Syntax };
        assert_eq!(plain("{\n \"a\": tru").err(), Some(cut));
        for odd in
            ["", "{", "[1,]", "{\"a\":1}}", "{\"a\":1,}", "NaN", "'a'", "{a:1}", "\"\u{1}\"", "01", "{\"value\":01}"]
        {
            assert!(plain(odd).is_err(), "{odd}");
        }
        assert!(read(b"\"\xff\"").is_err());
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(plain(&deep(DEEPEST)).is_ok() && plain(&deep(DEEPEST + 1)).is_err() && plain(&deep(100_000)).is_err());
        assert_eq!(plain(&deep(DEEPEST + 1)).err().map(|cause| cause.why), Some(Why::TooDeep));
        let utf_16: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for other in [utf_16.as_slice(), b"\xff\xfe{\0", b"{\"a\":\"Jos\xe9\"}"] {
            assert_eq!(read(other).err().map(|cause| cause.why), Some(Why::Encoding));
        }
        let values = format!("{}1{}", "{\"value\":".repeat(60), "}".repeat(60));
        assert!(plain(&values).is_err(), "also where a value is read again");
    }

    #[test]
    fn more_values_than_any_referral_has_are_refused_as_such() {
        let list = |values: usize| format!("[{}1]", "1,".repeat(values - 1));
        assert!(read(list(MOST_VALUES - 1).as_bytes()).is_ok(), "the list itself is one");
        for much in [list(MOST_VALUES), format!("{{\"value\":[{}1]}}", "{\"value\":1},".repeat(MOST_VALUES / 2))] {
            assert!(read(much.as_bytes()).err().is_some_and(|cause| cause.why == Why::TooMuch));
        }
    }
}
