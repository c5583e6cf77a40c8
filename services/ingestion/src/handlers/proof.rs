//! Proof of work: handed out to senders that are programs, and judged for whatever anybody may send.
//!
//! A proof counts once, also across restarts: who used it is a row. The same request again has the same proof, so somebody whose
//! answer got lost on the way is not taken for a machine. Deliberately not here: the work itself (auth), and pages (the portal).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use causeway_auth::work::MOST_BITS;
use causeway_auth::{Proof, SignedLinks};
use causeway_funnel::form::{Form, ProofWhen, WithoutProof};
use causeway_mailbox::Database;
use causeway_serve::{Pressure, network};
use http::{Extensions, HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::net::IpAddr;
use tracing::error;

use super::accept::Acceptance;
use super::http::json;
use super::limit::Door;
use crate::domain::suspicion::Sign;
use crate::error::Refusal;
use crate::store::proofs;
use crate::writer::Arrival;

/// How long a challenge may be answered.
const CHALLENGE_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What proofs are made and judged by.
pub struct Proofs {
    /// Signs challenges.
    pub links: SignedLinks,
    /// Where used ones stand.
    pub database: Database,
    /// How near an address is to its limit.
    pub of_address: Pressure<IpAddr>,
    /// The same of a center's form.
    pub of_form: Pressure<(String, String)>,
}

/// What a door has seen of whoever sent something that anybody may send.
#[derive(Default)]
pub struct Seen {
    /// What a machine would do.
    pub signs: Vec<Sign>,
    /// The proof of work that came with it; empty: none.
    pub proof: String,
    /// Whether it needs none, because its sender is known.
    pub is_known: bool,
    /// The showing of the form that it was sent from.
    pub showing_id: Option<uuid::Uuid>,
}

/// The route of this door.
pub fn router(acceptance: Arc<Acceptance>) -> Router {
    Router::new().route("/v1/centers/{center}/forms/{form}/challenge", post(challenge)).with_state(acceptance)
}

/// The work that a form asks for.
#[derive(Serialize)]
struct Challenge {
    challenge: String,
    bits: u32,
    expires_at: Timestamp,
}

async fn challenge(
    State(acceptance): State<Arc<Acceptance>>,
    Path((center, form)): Path<(String, String)>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Refusal> {
    let from = acceptance.limits.from(&headers, &extensions);
    if let Some(from) = from {
        acceptance.limits.address(Door::Form, from)?;
    }
    let in_force = acceptance.profile(&center)?;
    let asked = in_force.1.form(&form).ok_or(Refusal::NoSuchForm)?.proof_of_work;
    if !asked.is_asked() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let parts = &acceptance.proofs;
    let of_address = from.map_or(0, |from| parts.of_address.extra_bits(&network(from)));
    let of_form = parts.of_form.extra_bits(&(center.clone(), form.clone()));
    let bits = (asked.bits + of_address + of_form).min(MOST_BITS);
    let expires_at = acceptance.clock.now().checked_add(CHALLENGE_LIFE).unwrap_or(Timestamp::MAX);
    let challenge = parts.links.challenge(&center, &form, bits, expires_at).map_err(|cause| {
        error!(%cause, "make a challenge");
        Refusal::Internal
    })?;
    Ok(json(StatusCode::OK, "application/json", &Challenge { challenge, bits, expires_at }))
}

impl Acceptance {
    /// Whether an inquiry has to be held for want of a proof of work: its form wants one, and says so.
    pub async fn lacks_proof(
        &self,
        form: &Form,
        (center, arrival): (&str, &Arrival),
        (seen, is_suspicious): (&Seen, bool),
    ) -> Result<bool, Refusal> {
        let asked = form.proof_of_work;
        let is_wanted = match asked.when {
            ProofWhen::Off => false,
            ProofWhen::Suspicious => is_suspicious,
            ProofWhen::Always => true,
        };
        if !is_wanted || seen.is_known {
            return Ok(false);
        }
        let outcome = self.judge(form, (center, arrival), &seen.proof).await?;
        self.metrics.proofs.with_label_values(&[center, &form.id, outcome]).inc();
        Ok(outcome != DONE && asked.without == WithoutProof::Hold)
    }

    /// A word for what a proof is worth.
    async fn judge(
        &self,
        form: &Form,
        (center, arrival): (&str, &Arrival),
        proof: &str,
    ) -> Result<&'static str, Refusal> {
        if proof.is_empty() {
            return Ok("missing");
        }
        let Proof { fingerprint, expires } =
            match self.proofs.links.check_work(center, &form.id, proof, self.clock.now()) {
                Ok(proof) => proof,
                Err(cause) => return Ok(cause.word()),
            };
        let used_by = match &arrival.key {
            Some((key, _)) => *key,
            None => *arrival.inquiry_id.as_bytes(),
        };
        let taken = self.proofs.database.with_tx(center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(proofs::take(tx, (&fingerprint, expires), &used_by).await?) })
        });
        Ok(if taken.await? == used_by { DONE } else { "used_before" })
    }
}

/// The work is done, and counts here.
const DONE: &str = "done";
