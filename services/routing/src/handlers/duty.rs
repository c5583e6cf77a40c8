//! Who is on duty, who is away, and what was sent to another team: the questions and commands about people at work.
//!
//! An absence is one's own to enter, or a manager's for anybody; it ends by itself, and what waits is given out as soon as one ends
//! early. Deliberately not here: shifts, which are the center's profile.

use std::collections::BTreeSet;

use causeway_auth::Actor;
use causeway_auth::policy::{Action, may};
use causeway_funnel::profile::Profile;
use causeway_mailbox::Tx;
use causeway_proto::convert::{instant, micros, optional_instant};
use causeway_proto::error::Reason;
use causeway_proto::events::id;
use causeway_proto::routing::v1 as wire;
use causeway_serve::Code;
use jiff::{SignedDuration, Timestamp};
use tonic::Status;

use super::Api;
use super::give_out;
use crate::domain::Open;
use crate::error::Error;
use crate::store::closures;
use crate::store::work::{self, Absence};

/// Longer than this, somebody is taken out of the profile rather than away.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

impl Api {
    /// Everybody of the profile, with duty, load and absences.
    pub(super) async fn duty(&self, center: &str) -> Result<wire::ListDutyResponse, Status> {
        let in_force = self.in_force(center)?;
        let people = self.database.read(center, move |tx| {
            Box::pin(async move {
                let profile = &in_force.1;
                let mut roster = work::look_at_roster(tx, profile).await?;
                let absences = work::absences(tx).await?;
                let one = |staff: &causeway_funnel::profile::Staff| wire::Duty {
                    staff: staff.id.clone(),
                    on_duty: roster.is_on_duty(&staff.id),
                    open: roster.find(&staff.id).map_or(0, |person| person.open),
                    capacity: staff.capacity.map_or(0, i32::from),
                    absences: absences.iter().filter(|one| one.staff == staff.id).map(told).collect(),
                };
                Ok::<_, Error>(profile.teams.staff.iter().map(one).collect())
            })
        });
        Ok(wire::ListDutyResponse { people: people.await? })
    }

    /// Enters that somebody is away.
    pub(super) async fn away(&self, actor: &Actor, asked: wire::AddAbsenceRequest) -> Result<wire::Absence, Status> {
        let field = |cause: causeway_proto::events::Unreadable| Reason::FieldFault.status(cause.to_string());
        let (from, to) = (instant("from", asked.from).map_err(field)?, instant("to", asked.to).map_err(field)?);
        own_or_managed(actor, &asked.staff, &asked.center)?;
        let in_force = self.in_force(&asked.center)?;
        if in_force.1.staff(&asked.staff).is_none() {
            return Err(Reason::UnknownName.status("staff: no such member of staff in this center; see teams.toml"));
        }
        let now = self.database.now().await.map_err(Error::from)?;
        if to <= from || to <= now {
            return Err(Reason::FieldFault.status("to: give an end that lies after the beginning and after now"));
        }
        if from.duration_until(to) > LONGEST {
            return Err(
                Reason::FieldFault.status("to: give an end within a year; who is away longer leaves teams.toml")
            );
        }
        let (staff, by) = (asked.staff, actor.id.clone());
        let kept = self.database.with_tx(&asked.center, move |tx| {
            Box::pin(async move { Ok::<_, Error>(work::add_absence(tx, &staff, (from, to), &by).await?) })
        });
        Ok(told(&kept.await?))
    }

    /// Ends an absence before its time.
    pub(super) async fn back(&self, actor: &Actor, asked: wire::EndAbsenceRequest) -> Result<wire::Absence, Status> {
        let absence_id =
            id("absence_id", &asked.absence_id).map_err(|cause| Reason::FieldFault.status(cause.to_string()))?;
        let in_force = self.in_force(&asked.center)?;
        let missing = || Reason::NotFound.status("no such absence in this center; list who is on duty");
        let known: Option<Absence> = self
            .database
            .read(&asked.center, move |tx| {
                Box::pin(async move { Ok::<_, Error>(work::absence(tx, absence_id).await?) })
            })
            .await?;
        own_or_managed(actor, &known.ok_or_else(missing)?.staff, &asked.center)?;
        let ended = self.database.with_tx(&asked.center, move |tx| {
            Box::pin(async move {
                work::end_absence(tx, absence_id).await?;
                let ended = work::absence(tx, absence_id).await?;
                if let Some(ended) = &ended {
                    give_out_to(tx, &in_force.1, &ended.staff).await?;
                }
                Ok::<_, Error>(ended)
            })
        });
        Ok(told(&ended.await?.ok_or_else(missing)?))
    }

    /// What was sent to another team, by row and reason.
    pub(super) async fn reroutes(
        &self,
        asked: wire::ListReroutesRequest,
    ) -> Result<wire::ListReroutesResponse, Status> {
        let from = optional_instant(asked.from).unwrap_or(Timestamp::UNIX_EPOCH);
        let to = optional_instant(asked.to)
            .unwrap_or_else(|| Timestamp::from_second(253_000_000_000).unwrap_or(Timestamp::MAX));
        if from >= to {
            return Err(Reason::FieldFault.status("to: give an instant after the one in from"));
        }
        let counted = self.database.read(&asked.center, move |tx| {
            Box::pin(async move { Ok::<_, Error>(work::reroutes(tx, (from, to)).await?) })
        });
        let (counts, decided) = counted.await?;
        let one = |count: work::RerouteCount| wire::RerouteCount {
            row: count.row_name,
            from_team: count.from_team,
            to_team: count.to_team,
            reason: count.reason,
            count: count.count,
        };
        Ok(wire::ListReroutesResponse { counts: counts.into_iter().map(one).collect(), decided })
    }
}

/// Gives out what waits for the teams of somebody who came back.
async fn give_out_to(tx: &mut Tx, profile: &Profile, staff: &str) -> Result<(), Error> {
    let teams: BTreeSet<String> =
        profile.staff(staff).map(|staff| staff.teams.iter().cloned().collect()).unwrap_or_default();
    let now = tx.now();
    let closures = closures::standing(tx, now).await?;
    let mut roster = work::roster(tx, profile).await?;
    let trace = tx.trace().clone();
    give_out::teams(tx, &mut Open::new(profile, &closures), &mut roster, (&teams, &trace)).await?;
    Ok(work::save_roster(tx, &roster).await?)
}

fn told(absence: &Absence) -> wire::Absence {
    wire::Absence {
        absence_id: absence.absence_id.to_string(),
        staff: absence.staff.clone(),
        from: micros(absence.from_at.0),
        to: micros(absence.to_at.0),
        entered_by: absence.entered_by.clone(),
    }
}

/// One's own absence, or anybody's for a manager.
fn own_or_managed(actor: &Actor, staff: &str, center: &str) -> Result<(), Status> {
    let action = if actor.id == staff { Action::WorkInquiry } else { Action::Reassign };
    may(actor, action, center).map_err(|cause| Code::PermissionDenied.status(cause.to_string()))
}
