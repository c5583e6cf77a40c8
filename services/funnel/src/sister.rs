//! Handing an inquiry to a sister center of the same installation: why, how far it may go, and what stands against it.
//!
//! One rule for whoever asks (the desk, before it closes the inquiry) and for whoever does it (ingestion, when it makes the new
//! one): between the two a profile may change. Deliberately not here: the person, whose answers pass sealed from key to key.

use serde::{Deserialize, Serialize};

use crate::inquiry::Stay;
use crate::words::vocabulary;

/// An inquiry is at so many centers before the present one at most; who would hand it on then calls instead.
pub const MOST_STAYS: usize = 3;

vocabulary! {
    /// Why an inquiry belongs to a sister center: a closed list, so that it can be counted.
    SisterReason ("reason to hand to a sister center") {
        CloserSite = "closer_site", "Their site is closer for the patient", "Su sede queda más cerca para el paciente", "Leur site est plus proche pour le patient";
        TrialThere = "trial_there", "The trial runs there", "El estudio se hace allí", "L'essai se déroule là-bas";
        TreatedThere = "treated_there", "Treated there and not here", "Se trata allí y no aquí", "Traité là-bas et non ici";
        PatientWish = "patient_wish", "The patient wants to be seen there", "El paciente quiere atenderse allí", "Le patient souhaite y être reçu";
        SentBack = "sent_back", "It came from there by mistake", "Vino de allí por error", "Venu de là-bas par erreur";
        #[default]
        Other = "other", "Another reason", "Otro motivo", "Une autre raison";
    }
}

vocabulary! {
    /// How far a hand-over to a sister center is.
    HandoverState ("state of a hand-over to a sister center") {
        #[default]
        Asked = "asked", "On its way", "En camino", "En route";
        Taken = "taken", "Taken", "Recibida", "Reprise";
        NotTaken = "not_taken", "Not taken", "No recibida", "Non reprise";
    }
}

vocabulary! {
    /// Why a sister center could not take what was handed to it.
    NotTaken ("reason why a sister center took nothing") {
        UnknownCenter = "unknown_center", "the center is not known in this installation", "el centro no se conoce en esta instalación", "le centre n'est pas connu dans cette installation";
        NotAgreed = "not_agreed", "the profiles of the two centers do not agree to it any more", "los perfiles de los dos centros ya no lo permiten", "les profils des deux centres ne le permettent plus";
        PersonGone = "person_gone", "the person's answers were erased", "las respuestas de la persona se borraron", "les réponses de la personne ont été effacées";
        #[default]
        NotSealed = "not_sealed", "the person's answers could not be sealed for it", "las respuestas no se pudieron cifrar para él", "les réponses n'ont pas pu être chiffrées pour lui";
    }
}

/// Which sister centers a center hands inquiries to and takes them from. Nothing said: none, since a person's answers pass from
/// tenant to tenant only where both say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sisters {
    /// Ids of the centers that inquiries may be handed to.
    pub hands_to: Vec<String>,
    /// Ids of the centers whose inquiries are taken.
    pub takes_from: Vec<String>,
}

/// Why an inquiry can't be handed to a center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Hindrance {
    /// It is there already.
    #[error("the inquiry is at this center already")]
    OwnCenter,
    /// The center's own profile does not name the other one.
    #[error("this center hands nothing to that one; name it in [sisters] hands_to of center.toml")]
    NotHandedTo,
    /// The other center's profile does not name this one.
    #[error(
        "that center takes no inquiries from this one; it has to name it in [sisters] takes_from of its center.toml"
    )]
    NotTakenFrom,
    /// It has been at too many centers.
    #[error("the inquiry has been at {MOST_STAYS} other centers; settle by phone who works it")]
    TooFar,
    /// It goes back, and nobody says that it does.
    #[error("the inquiry has been at that center; if it belongs there, hand it over with the reason sent_back")]
    NotSaidBack,
    /// It is said to go back to where it never was.
    #[error("the inquiry has never been at that center; choose another reason than sent_back")]
    NeverThere,
}

/// What stands against handing an inquiry over: from a center with its profile's word to another with its own, after some stays.
#[must_use]
pub fn hindrance(
    (own, ours): (&str, &Sisters),
    (other, theirs): (&str, &Sisters),
    (stays, reason): (&[Stay], SisterReason),
) -> Option<Hindrance> {
    let names = |list: &[String], id: &str| list.iter().any(|one| one == id);
    let was_there = stays.iter().any(|stay| stay.center == other);
    let against = [
        (own == other, Hindrance::OwnCenter),
        (!names(&ours.hands_to, other), Hindrance::NotHandedTo),
        (!names(&theirs.takes_from, own), Hindrance::NotTakenFrom),
        (stays.len() >= MOST_STAYS, Hindrance::TooFar),
        (was_there && reason != SisterReason::SentBack, Hindrance::NotSaidBack),
        (!was_there && reason == SisterReason::SentBack, Hindrance::NeverThere),
    ];
    against.into_iter().find_map(|(stands, hindrance)| stands.then_some(hindrance))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sisters(hands_to: &[&str], takes_from: &[&str]) -> Sisters {
        let owned = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect();
        Sisters { hands_to: owned(hands_to), takes_from: owned(takes_from) }
    }

    fn stays(centers: &[&str]) -> Vec<Stay> {
        centers.iter().map(|center| Stay { center: (*center).to_owned(), ..Stay::default() }).collect()
    }

    #[test]
    fn both_profiles_have_to_agree_and_a_center_is_no_sister_of_itself() {
        let both = sisters(&["b", "a"], &["a", "b"]);
        let ask = |from: &Sisters, to: (&str, &Sisters)| hindrance(("a", from), to, (&[], SisterReason::Other));
        assert_eq!(ask(&both, ("b", &both)), None);
        assert_eq!(ask(&both, ("a", &both)), Some(Hindrance::OwnCenter));
        assert_eq!(ask(&Sisters::default(), ("b", &both)), Some(Hindrance::NotHandedTo));
        assert_eq!(ask(&both, ("b", &Sisters::default())), Some(Hindrance::NotTakenFrom));
    }

    #[test]
    fn it_goes_back_only_as_sent_back_and_never_round_and_round() {
        let all = sisters(&["a", "b", "c", "d"], &["a", "b", "c", "d"]);
        let ask = |stays: &[Stay], reason| hindrance(("b", &all), ("a", &all), (stays, reason));
        assert_eq!(ask(&stays(&["a"]), SisterReason::CloserSite), Some(Hindrance::NotSaidBack));
        assert_eq!(ask(&stays(&["a"]), SisterReason::SentBack), None);
        assert_eq!(ask(&stays(&["c"]), SisterReason::SentBack), Some(Hindrance::NeverThere));
        assert_eq!(ask(&stays(&["a", "b", "a"]), SisterReason::SentBack), Some(Hindrance::TooFar));
    }
}
