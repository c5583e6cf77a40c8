//! What stands beside a referral in a Bundle: Tasks of the office's own, and references that no reader of a referral follows.
//!
//! Deliberately not here: how a reference is resolved (reference).

use super::bundle::Bundle;
use super::reference::{Resolver, Target};
use super::referral::Verb;

/// What a Task may stand at (<http://hl7.org/fhir/R4/valueset-task-status.html>).
pub const TASK_STATUSES: [&str; 12] = [
    "draft",
    "requested",
    "received",
    "accepted",
    "rejected",
    "ready",
    "cancelled",
    "in-progress",
    "on-hold",
    "failed",
    "completed",
    "entered-in-error",
];

/// Tasks that come with a referral: ours is made by us; theirs can call the referral off.
#[must_use]
pub fn tasks(bundle: &Bundle<'_>) -> Option<Verb> {
    let mut verb = None;
    for task in bundle.of_kind("Task") {
        let resolver = Resolver { directory: &bundle.directory, holder: task.clone() };
        let focus = resolver.one(task, "focus", &["ServiceRequest"]);
        let is_off = matches!(status(task), Some("cancelled" | "entered-in-error"));
        if is_off && matches!(focus, Target::Found(_)) {
            verb = Some(Verb::About("referral_cancelled"));
        }
    }
    verb
}

/// Follows the references that no reader of a referral follows, so that each that leads nowhere is told.
pub fn references(bundle: &Bundle<'_>) {
    const ONE: [(&str, &str, &[&str]); 8] = [
        ("Task", "for", &[]),
        ("Task", "requester", &[]),
        ("Task", "owner", &[]),
        ("PractitionerRole", "practitioner", &["Practitioner"]),
        ("PractitionerRole", "organization", &["Organization"]),
        ("Coverage", "beneficiary", &["Patient"]),
        ("RelatedPerson", "patient", &["Patient"]),
        ("MessageHeader", "sender", &[]),
    ];
    for (kind, name, allowed) in ONE {
        for element in bundle.of_kind(kind) {
            Resolver { directory: &bundle.directory, holder: element.clone() }.one(element, name, allowed);
        }
    }
    for header in bundle.of_kind("MessageHeader") {
        Resolver { directory: &bundle.directory, holder: header.clone() }.many(header, "focus", &[]);
    }
}

/// What a Task stands at.
#[must_use]
pub fn status(task: &super::element::Element<'_>) -> Option<&'static str> {
    task.code("status", &TASK_STATUSES)
}
