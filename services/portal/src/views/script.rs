//! A call script's Markdown as the steps of the page.
//!
//! Scripts use little of Markdown: a heading, numbered lines, bold words, and `**Say:**` before words to say. Deliberately
//! not here: any other Markdown, and HTML; what is not known stays text.

use crate::pages::{Script, ScriptStep};

const SAY: [&str; 3] = ["say", "diga", "dites"];

/// The steps of a script.
pub fn script(id: &str, version: &str, text: &str) -> Option<Script> {
    let mut name = id.replace('-', " ");
    let mut steps: Vec<ScriptStep> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix('#') {
            name = title.trim_start_matches('#').trim().to_owned();
            continue;
        }
        let (numbered, words) = unnumbered(line);
        let (lead, rest) = bold_lead(words);
        let is_say = lead.is_some_and(|lead| SAY.contains(&lead.to_lowercase().as_str()));
        let heading = match lead {
            Some(lead) if !is_say => lead.to_owned(),
            _ => format!("Step {}", steps.len() + 1),
        };
        let rest = plain(rest);
        if !numbered
            && lead.is_none()
            && let Some(last) = steps.last_mut()
        {
            last.guidance.push(rest);
            continue;
        }
        let (say, guidance) = if is_say { (vec![rest], Vec::new()) } else { (Vec::new(), vec![rest]) };
        steps.push(ScriptStep { heading, say, guidance });
    }
    let version = if version.is_empty() { String::new() } else { format!(", version {version}") };
    (!steps.is_empty()).then(|| Script { name: format!("{name}{version}"), steps })
}

/// Takes "1. " or "- " off.
fn unnumbered(line: &str) -> (bool, &str) {
    let digits = line.trim_start_matches(|sign: char| sign.is_ascii_digit());
    match digits.strip_prefix(". ").filter(|_| digits.len() < line.len()).or_else(|| line.strip_prefix("- ")) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, line),
    }
}

/// The bold words at the start, without their mark, and the rest.
fn bold_lead(line: &str) -> (Option<&str>, &str) {
    let found = line.strip_prefix("**").and_then(|rest| rest.split_once("**"));
    match found {
        Some((lead, rest)) => (Some(lead.trim_end_matches([':', '.'])), rest.trim_start()),
        None => (None, line),
    }
}

fn plain(text: &str) -> String {
    text.replace("**", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_to_say_stand_apart_from_what_to_do() {
        let text = "# First call\n\n**Say:** Hello.\n\n1. Check the person.\n2. **Say:** You asked us to call.\n\n\
                    **Danger signs.** Call a **nurse**.\nAt once.";
        let script = script("first-call", "2", text).expect("steps");
        assert_eq!(script.name, "First call, version 2");
        let read: Vec<_> = script
            .steps
            .iter()
            .map(|step| (step.heading.as_str(), step.say.join("|"), step.guidance.join("|")))
            .collect();
        assert_eq!(
            read,
            [
                ("Step 1", "Hello.".to_owned(), String::new()),
                ("Step 2", String::new(), "Check the person.".to_owned()),
                ("Step 3", "You asked us to call.".to_owned(), String::new()),
                ("Danger signs", String::new(), "Call a nurse.|At once.".to_owned()),
            ]
        );
    }

    #[test]
    fn an_empty_text_is_no_script() {
        assert!(script("x", "1", "# Title only\n").is_none());
    }
}
