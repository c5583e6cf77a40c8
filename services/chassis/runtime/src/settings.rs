//! Layered settings: defaults, then a TOML file, then the environment, then `--set`; each section is one typed struct.
//!
//! A file may hold sections of services that do not run in this process, so that one file serves a whole deployment. Inside a section
//! an unknown field is refused, because a misspelt limit that silently keeps its default is worse than a start that fails.
//!
//! Deliberately not here: the fields of the `[runtime]` section (config) and of the services (their own `config.rs`).

use std::path::{Path, PathBuf};

use config::builder::DefaultState;
use config::{Config, ConfigBuilder, ConfigError, File, FileFormat, Value, ValueKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::network::section_name;

const PREFIX: &str = "CAUSEWAY_";

/// Where settings come from besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables; those named `CAUSEWAY_<SECTION>__<FIELD>` count.
    pub environment: Vec<(String, String)>,
    /// `section.field=value`, as given to `--set`.
    pub overrides: Vec<String>,
}

impl Sources {
    /// An optional file, this process's environment, and overrides from the command line.
    #[allow(clippy::disallowed_methods, reason = "settings are where the environment enters")]
    pub fn from_process(file: Option<PathBuf>, overrides: Vec<String>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { file, environment, overrides }
    }
}

/// A setting could not be read.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file is missing or is not TOML.
    #[error("could not read settings file {path}: {cause}; check the path and the TOML syntax")]
    File {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        cause: String,
    },
    /// An override is not `section.field=value`.
    #[error("could not use --set {text}: write it as section.field=value")]
    Override {
        /// What was given.
        text: String,
    },
    /// A section does not fit its struct.
    #[error(
        "setting in [{section}] is wrong: {cause}; correct it in the file, in CAUSEWAY_{upper}__<FIELD>, or with --set {section}.<field>=…"
    )]
    Section {
        /// The section.
        section: String,
        /// The section as it is written in an environment variable.
        upper: String,
        /// Field, found and expected.
        cause: String,
    },
    /// A section could not be printed.
    #[error("could not print settings of [{section}]: {cause}; a field has a form that TOML can't hold")]
    Print {
        /// The section.
        section: String,
        /// What the printer said.
        cause: String,
    },
}

/// All layers merged, ready to be read section by section.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    merged: Config,
}

impl Settings {
    /// Merges the layers.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let mut builder = Config::builder();
        if let Some(path) = &sources.file {
            builder = builder.add_source(read_file(path)?);
        }
        for (name, value) in &sources.environment {
            if let Some(path) = environment_path(name) {
                builder = overridden(builder, &path, value)?;
            }
        }
        for text in &sources.overrides {
            let (path, value) = text.split_once('=').ok_or_else(|| SettingsError::Override { text: text.clone() })?;
            let path = override_path(path.trim()).ok_or_else(|| SettingsError::Override { text: text.clone() })?;
            builder = overridden(builder, &path, value.trim())?;
        }
        let merged = builder.build().map_err(|cause| section_error("settings", &cause))?;
        Ok(Self { merged })
    }

    /// One section as its struct; a section that nobody set is the default.
    pub fn section<C: DeserializeOwned + Default>(&self, service: &str) -> Result<C, SettingsError> {
        let section = section_name(service);
        match self.merged.get::<Option<C>>(&section) {
            Ok(config) => Ok(config.unwrap_or_default()),
            Err(ConfigError::NotFound(_)) => Ok(C::default()),
            Err(cause) => Err(section_error(&section, &cause)),
        }
    }

    /// The sections that somebody set, so that a program can refuse one that no service owns.
    pub fn sections(&self) -> Vec<String> {
        match &self.merged.cache.kind {
            ValueKind::Table(table) => table.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

/// Prints a section as it is in force, as TOML; secrets redact themselves.
pub fn describe<C: Serialize>(service: &str, config: &C) -> Result<String, SettingsError> {
    let section = section_name(service);
    let print_error =
        |cause: toml::ser::Error| SettingsError::Print { section: section.clone(), cause: cause.to_string() };
    let value = toml::Value::try_from(config).map_err(print_error)?;
    let table = toml::Table::from_iter([(section.clone(), value)]);
    toml::to_string(&table).map_err(print_error)
}

fn read_file(path: &Path) -> Result<File<config::FileSourceString, FileFormat>, SettingsError> {
    let file_error = |cause: String| SettingsError::File { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|cause| file_error(cause.to_string()))?;
    // A parser's message quotes the line at fault, which may hold a secret: only its place is told.
    toml::from_str::<toml::Table>(&text).map_err(|cause| file_error(place_of(&text, cause.span())))?;
    Ok(File::from_str(&text, FileFormat::Toml))
}

fn place_of(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let start = span.map_or(0, |span| span.start).min(text.len());
    let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
    format!("line {line} is not valid TOML")
}

/// `CAUSEWAY_INTAKE_DESK__PAGE_SIZE` -> `intake_desk.page_size`; variables without `__` belong to the command line.
fn environment_path(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?;
    rest.contains("__").then_some(())?;
    override_path(&rest.to_lowercase().replace("__", "."))
}

fn override_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('.').collect();
    let well_formed = parts.len() >= 2
        && parts.iter().all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        });
    let (section, rest) = path.split_once('.')?;
    well_formed.then(|| format!("{}.{rest}", section_name(section)))
}

fn overridden(
    builder: ConfigBuilder<DefaultState>,
    path: &str,
    text: &str,
) -> Result<ConfigBuilder<DefaultState>, SettingsError> {
    builder.set_override(path, parsed(path, text)).map_err(|cause| section_error(path, &cause))
}

/// A value that reads as TOML (number, bool, list, table) is that; anything else is a text.
fn parsed(path: &str, text: &str) -> Value {
    #[derive(serde::Deserialize)]
    struct One {
        value: toml::Value,
    }
    let value = toml::from_str::<One>(&format!("value = {text}"))
        .map_or_else(|_| toml::Value::String(text.to_owned()), |one| one.value);
    let origin = path.to_owned();
    Value::new(Some(&origin), kind_of(value))
}

fn kind_of(value: toml::Value) -> ValueKind {
    match value {
        toml::Value::String(text) => ValueKind::String(text),
        toml::Value::Integer(number) => ValueKind::I64(number),
        toml::Value::Float(number) => ValueKind::Float(number),
        toml::Value::Boolean(flag) => ValueKind::Boolean(flag),
        toml::Value::Datetime(time) => ValueKind::String(time.to_string()),
        toml::Value::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| Value::new(None, kind_of(item))).collect())
        }
        toml::Value::Table(table) => {
            ValueKind::Table(table.into_iter().map(|(key, item)| (key, Value::new(None, kind_of(item)))).collect())
        }
    }
}

fn section_error(section: &str, cause: &ConfigError) -> SettingsError {
    SettingsError::Section { section: section.to_owned(), upper: section.to_uppercase(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        page_size: u16,
        name: String,
        ratio: f64,
        tags: Vec<String>,
        password: Secret,
        nested: Nested,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Nested {
        on: bool,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                page_size: 50,
                name: "plain".into(),
                ratio: 0.5,
                tags: vec![],
                password: Secret::default(),
                nested: Nested::default(),
            }
        }
    }

    fn sources(file: &str, environment: &[(&str, &str)], overrides: &[&str]) -> Sources {
        let path = std::env::temp_dir().join(format!("causeway-settings-{}.toml", crate::Clock::system().new_id()));
        std::fs::write(&path, file).expect("write");
        Sources {
            file: Some(path),
            environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn each_layer_wins_over_the_one_before() {
        let sources = sources(
            "[intake_desk]\npage_size = 10\nname = \"file\"\nratio = 1\n",
            &[
                ("CAUSEWAY_INTAKE_DESK__PAGE_SIZE", "20"),
                ("CAUSEWAY_INTAKE_DESK__NESTED__ON", "true"),
                ("PATH", "/bin"),
            ],
            &["intake-desk.page_size=30", "intake_desk.tags=[\"a\",\"b\"]"],
        );
        let settings = Settings::load(&sources).expect("load");
        let sample: Sample = settings.section("intake-desk").expect("section");
        assert_eq!((sample.page_size, sample.name.as_str(), sample.ratio), (30, "file", 1.0));
        assert!(sample.nested.on);
        assert_eq!(sample.tags, ["a", "b"]);
        assert_eq!(settings.sections(), ["intake_desk"]);
    }

    #[test]
    fn a_section_that_nobody_set_is_the_default() {
        let sample: Sample = Settings::default().section("intake-desk").expect("section");
        assert_eq!(sample.page_size, 50);
    }

    #[test]
    fn a_wrong_value_names_the_field_and_the_remedy() {
        let sources = sources("", &[("CAUSEWAY_INTAKE_DESK__PAGE_SIZE", "many")], &[]);
        let settings = Settings::load(&sources).expect("load");
        let error = settings.section::<Sample>("intake-desk").expect_err("text");
        let text = error.to_string();
        assert!(text.contains("page_size"), "{text}");
        assert!(text.contains("CAUSEWAY_INTAKE_DESK__<FIELD>"), "{text}");
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let settings = Settings::load(&sources("[intake_desk]\npagesize = 3\n", &[], &[])).expect("load");
        let error = settings.section::<Sample>("intake-desk").expect_err("unknown");
        assert!(error.to_string().contains("pagesize"), "{error}");
    }

    #[test]
    fn a_broken_file_names_the_line_and_not_its_content() {
        let error =
            Settings::load(&sources("[intake_desk]\npassword = hunter2 hunter2\n", &[], &[])).expect_err("not toml");
        let text = error.to_string();
        assert!(text.contains("line 2") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn an_override_without_a_field_is_refused() {
        for text in ["page_size=3", "intake_desk.page_size", ".=1"] {
            assert!(Settings::load(&sources("", &[], &[text])).is_err(), "{text}");
        }
    }

    #[test]
    fn the_effective_settings_are_printed_without_secrets() {
        let sources = sources("[intake_desk]\npassword = \"hunter2\"\n", &[], &[]);
        let sample: Sample = Settings::load(&sources).expect("load").section("intake-desk").expect("section");
        assert_eq!(sample.password.expose(), "hunter2");
        let text = describe("intake-desk", &sample).expect("print");
        assert!(text.contains("[intake_desk]") && text.contains("page_size = 50"), "{text}");
        assert!(text.contains("[redacted]") && !text.contains("hunter2"), "{text}");
    }
}
