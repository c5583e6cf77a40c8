//! What a patient may see behind the signed link: how far the request is, by when somebody calls, which documents help.
//!
//! Deliberately not here: the note, the timeline, staff, and everything that another service keeps of the person.

use causeway_funnel::next_action::NextAction;
use causeway_funnel::profile::Profile;
use causeway_proto::convert::{micros, stage_to_wire};
use causeway_proto::intake::v1 as wire;

use super::Desk;
use super::call::Call;
use super::page::{next_step, record_line};
use crate::domain::Handover;
use crate::error::DeskError;
use crate::store::inquiry::{Loaded, find};

/// The status of one's own inquiry, in one's own language.
pub async fn status(desk: &Desk, call: Call) -> Result<wire::PatientStatus, DeskError> {
    let (current, center) = (desk.profile(&call.center)?, call.center.clone());
    let work = desk.parts.database.read(&center, move |tx| {
        Box::pin(async move {
            let loaded = find(tx, call.inquiry_id).await?.ok_or(DeskError::NotFound)?;
            Ok(patient_status(&current.1, loaded))
        })
    });
    work.await
}

fn patient_status(profile: &Profile, loaded: Loaded) -> wire::PatientStatus {
    let Loaded { inquiry, facts, .. } = loaded;
    let language = profile.language_or_default(&inquiry.facts.language).to_owned();
    let is_called = matches!(
        inquiry.next_action,
        NextAction::FirstContact
            | NextAction::CallBack
            | NextAction::TryAgain
            | NextAction::ApproveReferral
            | NextAction::TellReferral
    );
    // While the sister is asked, whoever looks reads that it is on its way and not that it is closed.
    let handed = inquiry.handover.clone().filter(Handover::holds);
    wire::PatientStatus {
        stage: stage_to_wire(inquiry.stage).into(),
        contact_by: inquiry.due_at.filter(|_| is_called).map_or(0, micros),
        // Who of the staff looked at a document, and why one is not needed, is not the patient's page.
        records: inquiry
            .records
            .iter()
            .map(|line| wire::RecordLine {
                by: String::new(),
                why: String::new(),
                ..record_line(profile, line, &language)
            })
            .collect(),
        next_step: inquiry.open_step().map(|step| next_step(profile, step, &language, |kind| &kind.patient)),
        language,
        site: inquiry.route.site.clone(),
        open: inquiry.is_open(),
        opened_by_papers: inquiry.is_opened_by_papers(),
        received_at: micros(inquiry.facts.received_at),
        after_hours: inquiry.route.after_hours,
        preferred_channel: facts.preferred_channel,
        reference: facts.reference,
        handed_to: handed.as_ref().map(|handed| handed.to.clone()).unwrap_or_default(),
        handed_reference: handed.map(|handed| handed.reference).unwrap_or_default(),
    }
}
