//! The contract: everything that crosses a service border, and nothing else.
//!
//! Events travel on the bus (see [`subjects`]), questions and commands by gRPC (the `v1` modules). [`convert`] maps the
//! wire to the words of `causeway-funnel` and back, [`error`] is the closed list of refusals. Frozen samples of every
//! event stand in `golden/`. Deliberately absent: how a message is stored or sent, which is the machine's business.

pub mod convert;
pub mod error;
pub mod events;
pub mod subjects;

/// What the signed link to a patient's own page is issued and checked for. Notification writes it into messages, the
/// portal answers it, so both take the word from here.
pub const PATIENT_LINK: &str = "patient";

/// Descriptors of all services, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! context {
    ($name:ident, $package:literal) => {
        #[doc = concat!("Generated from `", $package, "`; the meaning of each field stands in the `.proto` file.")]
        #[allow(missing_docs, clippy::all, reason = "generated code")]
        pub mod $name {
            /// Version 1.
            pub mod v1 {
                tonic::include_proto!($package);
            }
        }
    };
}

context!(inquiry, "causeway.inquiry.v1");
context!(routing, "causeway.routing.v1");
context!(intake, "causeway.intake.v1");
context!(scheduling, "causeway.scheduling.v1");
context!(notice, "causeway.notice.v1");
context!(metrics, "causeway.metrics.v1");
