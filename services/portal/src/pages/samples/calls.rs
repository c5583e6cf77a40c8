//! Made-up values of the pages about calls.

use super::inquiry::script;
use super::public::sections;
use super::staff::{s, select};
use super::staff_frame;
use crate::pages::{CallLink, CallPage, CallRow, Caller, CallsPage, KnownRequest};

impl CallPage {
    pub(super) fn sample() -> Self {
        let mut asked = sections();
        asked[1].questions[1].error = Some(s("Enter a phone number with area code, like 206 555 0142"));
        CallPage {
            frame: staff_frame("Worklist"),
            action: s("/inquiries/new"),
            idempotency_key: s("0192"),
            call_trouble: None,
            called_by: None,
            known: Vec::new(),
            known_more: 0,
            recent: vec![CallLink {
                url: s("/inquiries/new?call=1"),
                what: s("Today 2:10 pm, New patients, answered by Dana O."),
            }],
            called_at: s("2027-03-03T14:10"),
            called_at_error: Some(s("This lies in the future. Enter when the call was")),
            hidden: Vec::new(),
            sections: asked,
            script: Some(script()),
        }
    }

    pub(super) fn sample_chosen() -> Self {
        CallPage {
            recent: Vec::new(),
            call_trouble: Some(s("The call can’t be shown.")),
            called_by: Some(Caller {
                call_id: s("1"),
                number: s("206 555 0142"),
                at: s("Today 2:10 pm, New patients, answered by Dana O."),
                as_told: vec![s("The phone system told when it began as “1970-01-01T00:00:00Z”, which can’t be used")],
                known: vec![KnownRequest {
                    id: s("7"),
                    reference: s("HV-7K4M-2QX"),
                    url: s("/inquiries/7"),
                    about: s("Second opinion, came Today 9:00 am"),
                }],
            }),
            known: vec![KnownRequest {
                id: s("8"),
                reference: s("HV-2M8P-6TZ"),
                url: s("/inquiries/8"),
                about: s("New consultation, came Today 8:00 am"),
            }],
            known_more: 7,
            ..Self::sample()
        }
    }
}

impl CallsPage {
    pub(super) fn sample() -> Self {
        let row = |id: &str, reference: Option<&str>| CallRow {
            id: s(id),
            at: s("Today 2:10 pm"),
            queue: s("New patients"),
            what: s("nobody answered"),
            waits: s("Another call of somebody who waits to be called back"),
            reference: reference.map(s),
            inquiry_url: s("/inquiries/7"),
            entry_url: s("/inquiries/new?call=1"),
            also: reference.map(|_| s("2")).unwrap_or_default(),
            reasons: select(&["Called back", "Wrong number"]),
        };
        CallsPage {
            frame: staff_frame("Calls"),
            caption: s("2 calls wait, the oldest first."),
            recent: CallPage::sample().recent,
            rows: vec![row("1", Some("HV-7K4M-2QX")), row("2", None)],
            next_url: Some(s("/calls?page=1:2")),
        }
    }
}
