//! How far the answer is to an inquiry that the center does not treat: where to go instead.
//!
//! Such an inquiry is routed and worked as any other; what is special is that its first step is an answer and not a call.
//! Deliberately not here: which inquiries these are and where they may go (`profile`), and the message itself.

use crate::words::vocabulary;

vocabulary! {
    /// How far the answer to an inquiry is that the center does not treat.
    ScopeState ("state of an answer to what is not treated here") {
        #[default]
        InScope = "in_scope", "Treated here", "Se trata aquí", "Traité ici";
        Proposed = "proposed", "The answer waits for approval", "La respuesta espera aprobación", "La réponse attend une approbation";
        Sending = "sending", "The answer is on its way", "La respuesta va en camino", "La réponse est en route";
        Sent = "sent", "Told where to go", "Se le indicó adónde ir", "Orienté ailleurs";
        Failed = "failed", "The answer did not go out", "La respuesta no salió", "La réponse n'est pas partie";
        Declined = "declined", "Treated here after all", "Sí se trata aquí", "Traité ici malgré tout";
    }
}

vocabulary! {
    /// Why an inquiry that counts as not treated here is worked all the same: a closed list, so that it can be counted.
    KeepReason ("reason to work what counts as not treated here") {
        #[default]
        TreatedHere = "treated_here", "We do treat this", "Sí lo tratamos", "Nous le traitons";
        EnteredWrong = "entered_wrong", "It is about something else than was entered", "Se trata de otra cosa que lo indicado", "Il s'agit d'autre chose que ce qui est indiqué";
    }
}

impl ScopeState {
    /// It counts as not treated here.
    #[must_use]
    pub const fn is_out(self) -> bool {
        !matches!(self, Self::InScope | Self::Declined)
    }
}
