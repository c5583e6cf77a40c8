//! The portal's own settings.
//!
//! Deliberately not here: what differs between centers (their profiles) and where the other services are (runtime).

use std::path::PathBuf;

use causeway_auth::oidc::OidcConfig;
use serde::{Deserialize, Serialize};

/// Section `[portal]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder with `font.woff2` and `htmx.js`. Without it pages use the system's fonts and load whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets_dir: Option<PathBuf>,
    /// Address under which staff reach the console, such as `https://intake.example`. A form that was sent from a page of
    /// another address is refused. Empty: the request's own `Host` is taken, which is right without a proxy that rewrites it.
    pub staff_base_url: String,
    /// Proxies in front of the patient face, each of which adds the address it saw to `X-Forwarded-For`. 0: there is none,
    /// and the header is not believed.
    pub trusted_proxy_hops: usize,
    /// Forms that one address may send in a minute; 0: no limit.
    pub forms_per_minute: u32,
    /// More forms of one address in a minute are a sign of a machine: beside another sign they are held for a person; 0: never.
    pub often_per_minute: u32,
    /// What ingestion takes by one form of a center in a minute (`ingestion.limits.form_per_minute`). The nearer it is, the
    /// harder is the work that a form asks of browsers; 0: never harder.
    pub form_per_minute: u32,
    /// Days for which the link to a patient's own page works.
    pub link_days: u32,
    /// Largest file that a patient can send, megabytes, as the page says it; ingestion.documents.file_bytes decides.
    pub file_megabytes: u32,
    /// Most megabytes of all files that are sent together.
    pub upload_megabytes: u32,
    /// Longest that sending them may take, seconds.
    pub upload_seconds: u64,
    /// Rows on one page of the worklist.
    pub page_size: u32,
    /// What the button to the identity provider calls it.
    pub provider_name: String,
    /// How long staff stay signed in.
    pub session: SessionConfig,
    /// The identity provider of staff. Without an issuer nobody can sign in, except in development.
    pub oidc: OidcConfig,
}

/// Section `[portal.session]`. Real time counts, whatever clock the domain runs on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Minutes without a request after which a session ends.
    pub idle_minutes: u32,
    /// Hours after which it ends in any case.
    pub absolute_hours: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            assets_dir: None,
            staff_base_url: String::new(),
            trusted_proxy_hops: 0,
            forms_per_minute: 300,
            often_per_minute: 30,
            form_per_minute: 3000,
            link_days: 60,
            file_megabytes: 20,
            upload_megabytes: 200,
            upload_seconds: 600,
            page_size: 50,
            provider_name: "your work account".to_owned(),
            session: SessionConfig::default(),
            oidc: OidcConfig::default(),
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { idle_minutes: 30, absolute_hours: 10 }
    }
}
