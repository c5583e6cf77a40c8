//! Why an inquiry goes to another team than the one that the table chose: a closed list, so that it can be counted.
//!
//! Deliberately not here: free words about one inquiry, which are sealed with its timeline.

use crate::words::vocabulary;

vocabulary! {
    /// Why an inquiry belongs to another team.
    RerouteReason ("reason to reroute") {
        WrongArea = "wrong_area", "Another cancer area", "Otra zona del cáncer", "Une autre localisation du cancer";
        WrongConsultType = "wrong_consult_type", "Another kind of consult", "Otro tipo de consulta", "Un autre type de consultation";
        WrongSite = "wrong_site", "Another site fits better", "Otra sede conviene más", "Un autre site convient mieux";
        Trial = "trial", "A question about a trial", "Una pregunta sobre un estudio", "Une question sur un essai";
        Language = "language", "Needs another language", "Necesita otro idioma", "Il faut une autre langue";
        Payer = "payer", "Because of the insurance", "Por el seguro", "À cause de l'assurance";
        Workload = "workload", "The team has too much work", "El equipo tiene demasiado trabajo", "L'équipe a trop de travail";
        #[default]
        Other = "other", "Another reason", "Otro motivo", "Une autre raison";
    }
}
