//! The pages as plain values: each page is a struct of strings and lists, and a template that writes it as HTML.
//!
//! A handler fills a struct and calls `render()`; it never writes markup. All text is escaped by the template engine,
//! so an answer that looks like markup stays text. Pages carry no inline style and no inline script, so that
//! [`PUBLIC_POLICY`] and [`STAFF_POLICY`] hold. Deliberately not here: where the values come from.

mod access;
mod again;
mod audits;
mod call;
mod calls;
mod center;
mod closures;
mod conflict;
mod done;
mod feeds;
mod form;
mod frame;
mod front;
mod funnel;
mod held;
mod inquiry;
mod letter;
mod own;
mod plain;
mod questions;
mod repairs;
mod routing;
mod sign_in;
mod stop;
mod teams;
mod trouble;
mod worklist;

#[cfg(test)]
mod lint;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod scan;

pub use access::{AccessPage, AccessRow};
pub use again::AgainPage;
pub use audits::{
    AuditItemLine, AuditLine, AuditPage, AuditResultsPage, AuditsPage, BothSaid, MissLine, OwnAuditCard, OwnAuditsPage,
    ResultGroup, ResultRow,
};
pub use call::{CallPage, Caller, KnownRequest};
pub use calls::{CallLink, CallRow, CallsPage};
pub use center::{CenterPage, OwnCenter};
pub use closures::{ClosureForm, ClosureRow, ClosuresPage};
pub use conflict::ConflictPage;
pub use done::{DonePage, Paper};
pub use feeds::{FeedCard, FeedsPage, IncidentRow, Volume};
pub use form::{ConsentBox, FormSection, InquiryFormPage};
pub use frame::{Flash, HiddenField, LanguageLink, NavLink, PublicFrame, SelectOption, StaffFrame, Tone};
pub use front::{FrontPage, HomePage};
pub use funnel::{
    Breakdown, BreakdownRow, ConversionRow, FieldRow, Figure, FormRow, FormsPart, FunnelPage, ReasonRow, ReroutedPart,
    ReroutedRow, ReviewedPart, ReviewedRow, SpeedBin, SpeedKind, StageRow,
};
pub use held::{HeldPage, HeldRow};
pub use inquiry::{
    Booking, DocumentRow, Fact, InquiryPage, LetterLink, MessageRow, Moment, RecordAction, RecordRow, ResponseCard,
    ReviewCard, Routing, Script, ScriptStep, SisterCard, SlotRow, StepCard, Tag, Twin, VisitRow,
};
pub use letter::LetterPage;
pub use own::{
    AgreedStep, ChannelLine, FileLine, OfferedTime, Offers, OwnPage, RecordLine, RecordState, Stone, StoneState,
    Upload, Visit,
};
pub use plain::{PlainPage, PlainSection};
pub use questions::{Choice, DateParts, FieldError, FreeText, Question, QuestionKind, QuestionView};
pub use repairs::{Compared, Raw, RepairPage, RepairRow, RepairsPage, Whose};
pub use routing::{Figures, RoutingPage, RuleFault, RuleRow, Share, Way};
pub use sign_in::{DevelopmentPerson, SignInPage};
pub use stop::{StopPage, StoppedPage};
pub use teams::{AwayRow, RerouteRow, Reroutes, TeamPerson, TeamRow, TeamsPage, TeamsRows};
pub use trouble::{StaffTroublePage, TroublePage};
pub use worklist::{Clock, ClockState, Filter, RowAction, ViewTab, WorkRow, WorklistPage, WorklistRows};

/// `Content-Security-Policy` of the patient face: our own files only, no connections, no script injection.
pub const PUBLIC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The same of an inquiry form: its script may ask our own address and start our own worker, whose name comes from the page.
pub const FORM_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types form";

/// `Content-Security-Policy` of the page where files are sent: as the patient face, and requests to our own address.
pub const UPLOAD_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'";

/// `Content-Security-Policy` of the staff face: as the patient face, and in-place refresh from our own address.
pub const STAFF_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
