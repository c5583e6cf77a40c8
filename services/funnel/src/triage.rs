//! A reviewer's decision on an inquiry: the four words of it, and why one is declined.
//!
//! Why it goes to another team is the list of [`crate::reroute`]. Deliberately not here: free words, which are sealed with the timeline,
//! and where to go instead (`profile`).

use crate::words::vocabulary;

vocabulary! {
    /// What a reviewer decides.
    ReviewDecision ("decision of a review") {
        #[default]
        Accept = "accept", "Accept the records", "Aceptar el expediente", "Accepter les documents";
        AskForMore = "ask_for_more", "Ask for more records", "Pedir más documentos", "Demander d'autres documents";
        Redirect = "redirect", "Redirect to another team", "Pasar a otro equipo", "Réorienter vers une autre équipe";
        Decline = "decline", "Decline, and say where to go", "No aceptar e indicar adónde ir", "Décliner et orienter ailleurs";
    }
}

vocabulary! {
    /// Why a reviewer declines: a closed list, so that it can be counted.
    DeclineReason ("reason to decline") {
        NotTreatedHere = "not_treated_here", "We do not treat this", "Aquí no se trata", "Nous ne traitons pas cela";
        NoCapacity = "no_capacity", "We have no place in time", "No tenemos lugar a tiempo", "Nous n'avons pas de place à temps";
        BetterServedElsewhere = "better_served_elsewhere", "Better served elsewhere", "Mejor atención en otro lugar", "Mieux pris en charge ailleurs";
        TrialNotFitting = "trial_not_fitting", "No trial of ours fits", "Ningún estudio nuestro conviene", "Aucun de nos essais ne convient";
        NotEnoughInformation = "not_enough_information", "Not enough is known to decide", "No hay información suficiente", "Trop peu d'éléments pour décider";
        #[default]
        Other = "other", "Another reason", "Otro motivo", "Une autre raison";
    }
}
