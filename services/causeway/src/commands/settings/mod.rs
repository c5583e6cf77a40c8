//! `causeway settings`: every setting of every service, from the code itself, as the page `deploy/SETTINGS.md` holds it.
//!
//! A page that somebody keeps by hand is wrong after the next release. Deliberately not here: what is in force at an installation
//! (`causeway run --print-config`).

mod source;

use std::process::ExitCode;

use anyhow::Context as _;
use causeway_runtime::network::section_name;
use causeway_runtime::{RuntimeConfig, Settings as Merged, settings};
use clap::Args;
use serde::Serialize;

use crate::cli::Common;
use crate::installation;
use source::Structs;

/// Prints every setting of every service: name, environment variable, default, unit and meaning.
#[derive(Debug, Args)]
pub struct Settings {}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Setting {
    /// Its name as `--set` and the file take it; `NAME` stands for what is chosen there, such as a service's section.
    name: String,
    /// The environment variable that sets it.
    variable: String,
    /// Its type in the code.
    kind: String,
    /// Its value where nobody sets it, as TOML; none: it is then absent.
    default: Option<String>,
    /// What a number counts; empty where the meaning says all.
    unit: &'static str,
    /// What it does.
    meaning: String,
}

macro_rules! sources {
    ($($section:literal: $path:literal),+ $(,)?) => {
        [$(($section, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $path)))),+]
    };
}

/// The source of each section, by the section's name.
const SECTIONS: [(&str, &str); 8] = sources! {
    "runtime": "chassis/runtime/src/config.rs",
    "ingestion": "ingestion/src/config.rs",
    "routing": "routing/src/config.rs",
    "intake_desk": "intake-desk/src/config.rs",
    "scheduling_sync": "scheduling-sync/src/config.rs",
    "notification": "notification/src/config.rs",
    "metrics": "metrics/src/config.rs",
    "portal": "portal/src/config.rs",
};
/// Sources of parts that several sections have.
const SHARED: [(&str, &str); 3] = sources! {
    "database": "chassis/mailbox/src/database.rs",
    "pace": "chassis/mailbox/src/start.rs",
    "oidc": "chassis/auth/src/oidc/config.rs",
};
/// The struct of a whole section.
const ROOTS: [&str; 2] = ["Config", "RuntimeConfig"];

impl Settings {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let sections = all()?;
        if common.json {
            let flat: Vec<&Setting> = sections.iter().flat_map(|(_, settings)| settings).collect();
            println!("{}", serde_json::to_string_pretty(&flat)?);
        } else {
            print!("{}", page(&sections));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Every section with its settings, in the order of start.
fn all() -> anyhow::Result<Vec<(&'static str, Vec<Setting>)>> {
    let shared: Structs = SHARED.iter().flat_map(|(_, text)| source::structs(text)).collect();
    let mut sections = Vec::new();
    for (section, text) in SECTIONS {
        let defaults = defaults(section)?;
        let mut structs = shared.clone();
        structs.extend(source::structs(text));
        let root = ROOTS.iter().find(|root| structs.contains_key(**root)).context("a section has a struct")?;
        let mut settings = Vec::new();
        collect(&structs, root, section, Some(&defaults), &mut settings);
        sections.push((section, settings));
    }
    Ok(sections)
}

/// The section as it is where nobody sets anything.
fn defaults(section: &str) -> anyhow::Result<toml::Value> {
    let text = if section == causeway_runtime::config::SECTION {
        settings::describe(section, &RuntimeConfig::default())?
    } else {
        let services = installation::services();
        let service = services.iter().find(|service| section_name(service.name()) == section);
        service.with_context(|| format!("no service has the section {section}"))?.describe(&Merged::default())?
    };
    let mut table: toml::Table = toml::from_str(&text)?;
    table.remove(section).with_context(|| format!("the section {section} prints itself"))
}

fn collect(structs: &Structs, name: &str, path: &str, defaults: Option<&toml::Value>, settings: &mut Vec<Setting>) {
    for field in structs.get(name).into_iter().flatten() {
        let own = defaults.and_then(|value| value.get(&field.name));
        let (inner, chosen) = inner(&field.kind);
        let path = format!("{path}.{}{}", field.name, if chosen { ".NAME" } else { "" });
        if structs.contains_key(inner) {
            collect(structs, inner, &path, own.filter(|_| !chosen), settings);
            continue;
        }
        settings.push(Setting {
            variable: format!("CAUSEWAY_{}", path.to_uppercase().replace('.', "__")),
            name: path,
            kind: field.kind.clone(),
            default: own.filter(|_| !chosen).map(ToString::to_string),
            unit: if is_number(&field.kind) { unit(&field.name, &field.meaning) } else { "" },
            meaning: field.meaning.clone(),
        });
    }
}

/// The type inside of an option or a map, and whether it stands under a name that is chosen.
fn inner(kind: &str) -> (&str, bool) {
    let within = |prefix: &str| kind.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('>'));
    match (within("Option<"), within("BTreeMap<String, ")) {
        (Some(inner), _) => (inner, false),
        (_, Some(inner)) => (inner, true),
        _ => (kind, false),
    }
}

/// Endings of names that say what is counted, and the unit; longer ones first.
const UNITS: [(&str, &str); 14] = [
    ("milliseconds", "ms"),
    ("_ms", "ms"),
    ("seconds", "s"),
    ("minutes", "min"),
    ("hours", "h"),
    ("days", "days"),
    ("megabytes", "MB"),
    ("bytes", "bytes"),
    ("percent", "%"),
    ("per_minute", "per minute"),
    ("per_second", "per second"),
    ("hops", "proxies"),
    ("connections", "connections"),
    ("lines", "lines"),
];

/// Numbers are the only types of the sections, beside `bool`, that begin with a small letter.
fn is_number(kind: &str) -> bool {
    let inner = inner(kind).0;
    inner != "bool" && inner.starts_with(|first: char| first.is_ascii_lowercase())
}

fn unit(name: &str, meaning: &str) -> &'static str {
    let by_name = UNITS.iter().find(|(ending, _)| name.ends_with(ending));
    let said = |unit: &str| meaning.contains(&format!(", {unit}.")) || meaning.ends_with(&format!(", {unit}"));
    by_name.or_else(|| UNITS.iter().find(|(word, _)| said(word))).map_or("", |(_, unit)| unit)
}

const HEAD: &str = "\
# Settings

Made by `causeway settings > deploy/SETTINGS.md` from the code; a test holds it so. Each setting comes from the defaults below, then the
file (`--config`, TOML), then the environment, then `--set name=value`, the last one that says something wins. `NAME` stands for what is
chosen there: a service's section (`runtime.databases.intake_desk.app`), a port (`runtime.ports.ingestion_grpc`), a group. What
differs between centers is no setting: it stands in their profiles. `causeway run --print-config` shows what is in force.
";

fn page(sections: &[(&str, Vec<Setting>)]) -> String {
    let mut page = HEAD.to_owned();
    for (section, settings) in sections {
        page.push_str(&format!(
            "\n## `[{section}]`\n\n| setting | environment variable | default | unit | meaning |\n|---|---|---|---|---|\n"
        ));
        for Setting { name, variable, default, unit, meaning, .. } in settings {
            let default = default.as_ref().map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
            let meaning = meaning.replace('|', "\\|");
            page.push_str(&format!("| `{name}` | `{variable}` | {default} | {unit} | {meaning} |\n"));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use causeway_runtime::settings::Sources;

    use super::*;

    fn leaves(path: &str, value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                table.iter().for_each(|(name, value)| leaves(&format!("{path}.{name}"), value, found));
            }
            _ => found.push(path.to_owned()),
        }
    }

    #[test]
    fn every_setting_that_the_code_has_is_told_with_a_meaning_of_its_own() {
        for (section, settings) in all().expect("settings") {
            let mut known = Vec::new();
            leaves(section, &defaults(section).expect("defaults"), &mut known);
            assert!(!known.is_empty() || section == "runtime", "{section}");
            for name in known {
                assert!(settings.iter().any(|setting| setting.name == name), "{name} is not told");
            }
            for setting in settings {
                assert!(setting.meaning.ends_with('.'), "{} has no meaning", setting.name);
            }
        }
    }

    #[test]
    fn each_variable_sets_the_setting_that_it_stands_beside() {
        let services = installation::services();
        for (section, settings) in all().expect("settings") {
            for setting in settings.iter().filter(|one| !one.name.contains("NAME")) {
                let Some(default) = &setting.default else { continue };
                let environment = vec![(setting.variable.clone(), default.clone())];
                let merged = Merged::load(&Sources { environment, ..Sources::default() }).expect("merged");
                assert_eq!(merged.sections(), [section], "{}", setting.variable);
                let read = match services.iter().find(|service| section_name(service.name()) == section) {
                    Some(service) => service.describe(&merged).map(drop),
                    None => RuntimeConfig::from_settings(&merged).map(drop),
                };
                read.unwrap_or_else(|cause| panic!("{}: {cause}", setting.variable));
            }
        }
    }

    #[test]
    fn units_are_told_by_the_name_or_by_what_is_said() {
        assert_eq!(unit("frame_bytes", ""), "bytes");
        assert!(is_number("u64") && is_number("Option<u16>") && !is_number("bool") && !is_number("Option<PathBuf>"));
        assert_eq!(unit("gauges_every_ms", ""), "ms");
        assert_eq!(unit("scan", "Longest that one scan may take, seconds."), "s");
        assert_eq!(unit("batch", "Most inquiries committed together."), "");
    }
}
