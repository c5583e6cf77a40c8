//! A center's profile with its templates made ready, once for each revision.
//!
//! Templates are written by center staff, so they get no more than they need: no loader, no unknown gap, a bounded number
//! of steps. Each is compiled and tried when the profile comes into force, so that a mistake is in the log before the first
//! person should have got the message. Deliberately not here: which template a notice uses.

use std::collections::{BTreeSet, HashMap};

use causeway_funnel::fault::Fault;
use causeway_funnel::profile::{Bundle, Profile, Template, health_word};
use causeway_mailbox::Reading;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use tracing::warn;

use crate::domain::notice::{AFTER_HOURS, Kind};
use crate::domain::variables::{NAMES, Variables};

mod tried;

/// More than any sane letter needs; a loop without end stops here.
const MOST_STEPS: u64 = 50_000;

/// A profile and its templates, ready to use.
pub struct Book {
    /// The profile.
    pub profile: Profile,
    environment: Environment<'static>,
    usable: HashMap<(String, String), Parts>,
}

/// Names under which the parts of a template stand in the environment.
#[derive(Debug, Clone)]
struct Parts {
    language: String,
    subject: String,
    text: String,
    html: Option<String>,
}

/// The words of one mail. No Debug: it holds a name.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    /// Language that it is written in.
    pub language: String,
    /// Subject line, fit for anybody's eyes.
    pub subject: String,
    /// Plain part.
    pub text: String,
    /// HTML part.
    pub html: Option<String>,
}

/// Why there are no words. Names the template and never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The center has no such template that works.
    #[error("message \"{0}\" has no template that works; write it and apply the center's profile")]
    NoTemplate(String),
    /// A gap has no value, or it takes too many steps.
    #[error("message \"{name}\" can not be filled in: {what}; mend the template and apply the center's profile")]
    NotFilled {
        /// Name of the template.
        name: String,
        /// Kind of the mistake and its line.
        what: String,
    },
    /// The finished subject tells what the message is about.
    #[error("subject of message \"{0}\" says a health word; mend the template and apply the center's profile")]
    OpenSubject(String),
}

/// What is wrong with templates of a profile from which no message could be written, each at its file and line. Text messages are
/// filled in elsewhere.
#[must_use]
pub fn faults(profile: &Profile, bundle: &Bundle) -> Vec<Fault> {
    const REMEDY: &str = "mend it: until then the message is not sent and staff are told to call";
    let mut environment = environment();
    let mut faults = Vec::new();
    for template in profile.templates.values().filter(|template| !template.is_sms()) {
        let stem = format!("templates/{}/{}", template.language, template.name);
        let parts =
            [("txt", Some(&template.text)), ("html", template.html.as_ref()), ("subject", template.subject.as_ref())];
        for (end, part) in parts {
            let Some(part) = part else { continue };
            let name = format!("{stem}.{end}");
            let of = (template.name.as_str(), template.language.as_str());
            let tried = usable(&mut environment, &name, part.clone())
                .and_then(|()| filled(&environment, (&name, end == "subject"), tried::samples(profile, of.0, of.1)));
            let Err((line, what)) = tried else { continue };
            let file = format!("{stem}.{}", if end == "html" { end } else { "txt" });
            // The lines before the part in its file.
            let whole = bundle.files.get(&file).map(String::as_str).unwrap_or_default();
            let before = whole.find(part.as_str()).map_or(0, |at| whole[..at].matches('\n').count());
            let (what, remedy) = (format!("the message can not be used: {what}"), REMEDY.to_owned());
            faults.push(Fault { file, line: before + line.unwrap_or(1), what, remedy, example: None });
        }
    }
    faults
}

/// Fills a part in with what its own notices hold; else the line and what is wrong.
fn filled(
    environment: &Environment<'static>,
    (name, is_subject): (&str, bool),
    samples: Vec<Variables>,
) -> Result<(), (Option<usize>, String)> {
    let told = |cause: minijinja::Error| {
        (
            cause.line(),
            format!(
                "{}; another message has this gap, or it stands here only sometimes: ask with 'is defined'",
                cause.kind()
            ),
        )
    };
    let template = environment.get_template(name).map_err(told)?;
    for sample in samples {
        let values = match is_subject {
            true => minijinja::Value::from(Serde(&sample.open)),
            false => minijinja::Value::from(Serde(&sample)),
        };
        template.render(values).map_err(told)?;
    }
    Ok(())
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(MOST_STEPS));
    environment
}

impl Book {
    /// Reads a stored profile and makes its templates ready; gives its revision too.
    pub fn read(bytes: &[u8]) -> Result<Reading<Self>, String> {
        let (profile, fault) = Profile::from_stored(bytes)?;
        Ok(Reading { revision: profile.revision.clone(), value: Self::new(profile), fault })
    }

    /// Makes the templates of a profile ready. What is not usable is logged here, once.
    pub fn new(profile: Profile) -> Self {
        let mut environment = environment();
        let mut usable = HashMap::new();
        for ((language, name), template) in &profile.templates {
            if template.is_sms() {
                continue;
            }
            match compile(&mut environment, template) {
                Ok(parts) => {
                    usable.insert((language.clone(), name.clone()), parts);
                }
                Err(what) => warn!(
                    center = profile.center.id,
                    language,
                    template = name,
                    what,
                    "message can not be used; another language's is sent, or the notice fails and staff are told"
                ),
            }
        }
        let book = Self { profile, environment, usable };
        book.tell_missing();
        book
    }

    /// Words for a notice: its template, or one that tells the same truth; in its language, or else the center's first.
    pub fn words(&self, kind: Kind, name: &str, language: &str, variables: &Variables) -> Result<Words, Unwritable> {
        let found = self.parts(language, name).or_else(|| self.parts(language, kind.fallback()?));
        let parts = found.ok_or_else(|| Unwritable::NoTemplate(name.to_owned()))?;
        let subject = one_line(&self.render(name, &parts.subject, Serde(&variables.open))?);
        if health_word(&subject).is_some() {
            return Err(Unwritable::OpenSubject(name.to_owned()));
        }
        Ok(Words {
            language: parts.language.clone(),
            subject,
            text: self.render(name, &parts.text, Serde(variables))?,
            html: parts.html.as_ref().map(|html| self.render(name, html, Serde(variables))).transpose()?,
        })
    }

    /// The language that words for this notice will be in.
    pub fn language<'a>(&'a self, kind: Kind, name: &str, language: &'a str) -> &'a str {
        let found = self.parts(language, name).or_else(|| self.parts(language, kind.fallback()?));
        found.map_or_else(|| self.profile.language_or_default(language), |parts| parts.language.as_str())
    }

    fn parts(&self, language: &str, name: &str) -> Option<&Parts> {
        let find = |language: &str| self.usable.get(&(language.to_owned(), name.to_owned()));
        find(language).or_else(|| find(self.profile.default_language()))
    }

    fn render<T: serde::Serialize>(&self, name: &str, part: &str, values: Serde<T>) -> Result<String, Unwritable> {
        let template = self.environment.get_template(part).map_err(|cause| not_filled(name, &cause))?;
        let filled = template.render(minijinja::Value::from(values)).map_err(|cause| not_filled(name, &cause))?;
        // A time of day can end in a point of its own ("9:30 a. m.") where the sentence ends as well.
        Ok(filled.replace(" m..", " m."))
    }

    fn tell_missing(&self) {
        let wanted: BTreeSet<&str> = Kind::ALL
            .iter()
            .filter(|kind| **kind != Kind::ReferredElsewhere || !self.profile.programs.out_of_scope.is_empty())
            .filter(|kind| !kind.is_of_next_step() || !self.profile.booking.next_steps.is_empty())
            .filter(|kind| {
                kind.is_to_the_person() && kind.fallback().is_none_or(|other| self.parts("", other).is_none())
            })
            .map(|kind| kind.template())
            .chain([AFTER_HOURS])
            .collect();
        for name in wanted.into_iter().filter(|name| self.parts("", name).is_none()) {
            warn!(
                center = self.profile.center.id,
                template = name,
                "center has no such message; its notices fail and staff are told to call"
            );
        }
    }
}

/// Compiles the parts of a template and looks for gaps that no notice can fill.
fn compile(environment: &mut Environment<'static>, template: &Template) -> Result<Parts, String> {
    let subject = template.subject.clone().ok_or("it has no subject")?;
    let stem = format!("{}/{}", template.language, template.name);
    let parts = Parts {
        language: template.language.clone(),
        subject: format!("{stem}.subject"),
        text: format!("{stem}.txt"),
        html: template.html.as_ref().map(|_| format!("{stem}.html")),
    };
    let mut add = |name: &str, source: String| {
        self::usable(environment, name, source).map_err(|(line, what)| match line {
            Some(line) => format!("{what} in line {line}"),
            None => what,
        })
    };
    add(&parts.subject, subject)?;
    add(&parts.text, template.text.clone())?;
    if let (Some(name), Some(html)) = (&parts.html, &template.html) {
        add(name, html.clone())?;
    }
    Ok(parts)
}

/// Compiles a part of a template under a name, and looks for gaps that no notice can fill; else the line and what is wrong.
fn usable(environment: &mut Environment<'static>, name: &str, source: String) -> Result<(), (Option<usize>, String)> {
    let told = |cause: minijinja::Error| (cause.line(), cause.kind().to_string());
    let lines: Vec<String> = source.lines().map(str::to_owned).collect();
    environment.add_template_owned(name.to_owned(), source).map_err(told)?;
    let compiled = environment.get_template(name).map_err(told)?;
    let unknown = compiled.undeclared_variables(false).into_iter().find(|gap| !NAMES.contains(&gap.as_str()));
    let Some(gap) = unknown else { return Ok(()) };
    let line = lines.iter().position(|line| line.contains(&gap)).map(|at| at + 1);
    Err((line, format!("gap {gap} is unknown; use one of {}", NAMES.join(", "))))
}

/// Kind and line of a mistake; its detail could quote a value.
fn described(cause: &minijinja::Error) -> String {
    match cause.line() {
        Some(line) => format!("{} in line {line}", cause.kind()),
        None => cause.kind().to_string(),
    }
}

fn not_filled(name: &str, cause: &minijinja::Error) -> Unwritable {
    Unwritable::NotFilled { name: name.to_owned(), what: described(cause) }
}

/// A subject with a line break in it would begin another header.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
