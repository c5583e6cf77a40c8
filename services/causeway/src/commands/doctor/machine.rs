//! The servers that this machine has for `causeway dev`.

use super::Finding;
use crate::local::find;

/// Looks for them; where there is none, `causeway dev` fetches one, so that is in order.
pub(super) fn look() -> Vec<Finding> {
    let search = find::Search::from_environment();
    let answers = [
        ("nats-server", find::nats_server(&search, find::Fetch::No)),
        ("postgresql", find::postgres_bin(&search, find::Fetch::No)),
    ];
    let finding = |(about, answer): (&str, anyhow::Result<find::Answer>)| match answer {
        Ok(find::Answer { found: Some(found), .. }) => {
            Finding::good(about, format!("{} at {} ({})", found.version, found.path.display(), found.how))
        }
        Ok(answer) => {
            Finding::good(about, format!("none new enough; 'causeway dev' fetches one. {}", answer.notes.join("; ")))
        }
        Err(cause) => Finding::bad(about, format!("{cause:#}; install it, or name it as the message says")),
    };
    answers.into_iter().map(finding).collect()
}
