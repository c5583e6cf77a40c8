//! The stage of an inquiry.

use causeway_funnel::stage::Stage;

use super::pairs;
use crate::intake::v1 as wire;

pairs! {
    /// The stage on the wire.
    stage_to_wire, stage_from_wire: wire::Stage => Stage, Stage::Received;
    Received = Received, Routed = Routed, Contacted = Contacted, IntakeComplete = IntakeComplete,
    RecordsReady = RecordsReady, Scheduled = Scheduled, Attended = Attended, Closed = Closed,
}
