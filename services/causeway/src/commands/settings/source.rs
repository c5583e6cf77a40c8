//! What the source says of each setting: its name, its type and what stands above it.
//!
//! Meanings are written once, where the fields are, and no program can ask a compiled field for them; so the sources of the sections are
//! built in and read. They are formatted by rustfmt, so a struct, a comment and a field each look one way. Deliberately not here:
//! defaults, which come from the code itself (settings).

use std::collections::BTreeMap;

/// A field as it stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type, such as `Option<PathBuf>`.
    pub kind: String,
    /// What stands above it, in one line.
    pub meaning: String,
}

/// The structs of a source file.
pub type Structs = BTreeMap<String, Vec<Field>>;

/// Reads the structs of a source file.
pub fn structs(source: &str) -> Structs {
    let mut found = Structs::new();
    let (mut inside, mut meaning): (Option<String>, Vec<&str>) = (None, Vec::new());
    for line in source.lines() {
        let text = line.trim();
        if let Some(said) = text.strip_prefix("///") {
            meaning.push(said.trim());
        } else if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            found.insert(name.to_owned(), Vec::new());
            inside = Some(name.to_owned());
            meaning.clear();
        } else if line == "}" {
            inside = None;
        } else if !text.starts_with("#[") {
            let field = text.strip_prefix("pub ").and_then(|rest| rest.strip_suffix(',')?.split_once(": "));
            if let (Some(of), Some((name, kind))) = (&inside, field)
                && let Some(fields) = found.get_mut(of)
            {
                let meaning = plain(&meaning.join(" "));
                fields.push(Field { name: name.to_owned(), kind: kind.to_owned(), meaning });
            }
            meaning.clear();
        }
    }
    found
}

/// Links of the code's documentation lead nowhere outside of it.
fn plain(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_with_all_lines_above_it_and_an_attribute_between_is_none_of_them() {
        let source = "/// The door.\npub struct Door {\n    /// Longest body,\n    /// bytes; see [`Door`].\n    #[serde(skip)]\n    pub body_bytes: usize,\n    \
             pub bare: Option<PathBuf>,\n}\n\nimpl Door {\n    /// Not a field.\n    pub fn open(&self) {}\n}\n";
        let door = &structs(source)["Door"];
        assert_eq!(door[0].meaning, "Longest body, bytes; see `Door`.");
        assert_eq!((door[0].name.as_str(), door[0].kind.as_str()), ("body_bytes", "usize"));
        assert_eq!((door[1].kind.as_str(), door[1].meaning.as_str()), ("Option<PathBuf>", ""));
        assert_eq!(door.len(), 2);
    }
}
