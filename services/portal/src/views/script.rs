//! A call script's Markdown as the steps of the page.
//!
//! Scripts use little of Markdown: a title, `## Heading` for each step, bold words, and `**Say:**` before words to say. Numbered
//! lines are steps of their own where no heading stands above them. The person's name is laid in last, as plain text.
//! Deliberately not here: any other Markdown, and HTML; what is not known stays text.

use causeway_funnel::script::{BLANK, NAME_GAP};

use crate::pages::{Script, ScriptStep};

const SAY: [&str; 3] = ["say", "diga", "dites"];

/// The steps of a script, said to a person of this name; an empty name becomes a blank to be said.
pub fn script(id: &str, version: &str, text: &str, name: &str) -> Option<Script> {
    let mut reading =
        Reading { title: id.replace('-', " "), said: if name.is_empty() { BLANK } else { name }, ..Reading::default() };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| reading.line(line));
    let Reading { title, steps, .. } = reading;
    let version = if version.is_empty() { String::new() } else { format!(", version {version}") };
    (!steps.is_empty()).then(|| Script { name: format!("{title}{version}"), steps })
}

#[derive(Default)]
struct Reading<'a> {
    title: String,
    said: &'a str,
    steps: Vec<ScriptStep>,
    /// A heading stands above: what follows belongs to its step.
    is_headed: bool,
}

impl Reading<'_> {
    fn line(&mut self, line: &str) {
        if let Some(heading) = line.strip_prefix("##") {
            self.is_headed = true;
            let heading = heading.trim_start_matches('#').trim().to_owned();
            self.steps.push(ScriptStep { heading, ..ScriptStep::default() });
            return;
        }
        if let Some(title) = line.strip_prefix('#') {
            title.trim().clone_into(&mut self.title);
            return;
        }
        let (numbered, words) = unnumbered(line);
        let (lead, rest) = bold_lead(words);
        let is_say = lead.is_some_and(|lead| SAY.contains(&lead.to_lowercase().as_str()));
        let own_heading = lead.filter(|_| !is_say);
        let begins = own_heading.is_some() || (!self.is_headed && (numbered || is_say)) || self.steps.is_empty();
        if begins {
            let heading = own_heading.map_or_else(|| format!("Step {}", self.steps.len() + 1), str::to_owned);
            self.steps.push(ScriptStep { heading, ..ScriptStep::default() });
        }
        let words = rest.replace("**", "").replace(NAME_GAP, self.said);
        if let Some(step) = self.steps.last_mut() {
            if is_say { step.say.push(words) } else { step.guidance.push(words) }
        }
    }
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
        Some((lead, rest)) => (Some(lead.trim_end_matches([':', '.']).trim_end()), rest.trim_start()),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_to_say_stand_apart_from_what_to_do() {
        let text = "# First call\n\n**Say:** Hello.\n\n1. Check the person.\n2. **Say:** You asked us to call.\n\n\
                    **Danger signs.** Call a **nurse**.\nAt once.";
        let script = script("first-call", "2", text, "").expect("steps");
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
    fn french_puts_a_space_before_the_colon() {
        let script = script("first-call", "3", "**Dites :** Bonjour {{ name }} ?", "").expect("steps");
        assert_eq!(
            (script.steps[0].heading.as_str(), script.steps[0].say.join("|")),
            ("Step 1", "Bonjour _____ ?".into())
        );
    }

    #[test]
    fn an_empty_text_is_no_script() {
        assert!(script("x", "1", "# Title only\n", "").is_none());
    }

    #[test]
    fn a_heading_gathers_what_is_said_and_done_below_it() {
        let text = "# First call\n## Say who you are\n**Say:** Is this {{ name }}?\nDo not say why you call.\n\
                    **Say:** Is this a good time?\n## Let them start\n1. Listen.\n2. Note it.";
        let script = script("first-call", "3", text, "Rosa **").expect("steps");
        let [first, second] = script.steps.as_slice() else { panic!("two steps: {script:?}") };
        assert_eq!(first.heading, "Say who you are");
        assert_eq!(first.say, ["Is this Rosa **?", "Is this a good time?"], "a name is text");
        assert_eq!(first.guidance, ["Do not say why you call."]);
        assert_eq!((second.heading.as_str(), second.guidance.len()), ("Let them start", 2));
    }
}
