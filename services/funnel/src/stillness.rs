//! Why a response clock stands still, and why a place is closed on short notice: lists that can be counted.
//!
//! There are no free words beside a pause: it belongs to one person's inquiry, and whoever writes why a person cannot be called
//! writes about their health. Such words belong into the intake note, which is sealed. Deliberately not here: how a pause
//! and a closure move a due time (`calendar`).

use crate::words::vocabulary;

vocabulary! {
    /// Why nobody is to be called for the time being.
    PauseReason ("pause reason") {
        #[default]
        AskedToWait = "asked_to_wait", "The person asked us to wait", "La persona pidió que esperemos", "La personne a demandé d’attendre";
        Away = "away", "The person is away", "La persona está de viaje", "La personne est absente";
        Interpreter = "interpreter", "We look for an interpreter", "Buscamos intérprete", "Nous cherchons un interprète";
        ReferringOffice = "referring_office", "The referring office has to answer first", "Primero debe responder el consultorio que deriva", "Le cabinet qui adresse doit d’abord répondre";
        WhoAsks = "who_asks", "We find out who asks", "Averiguamos quién pregunta", "Nous vérifions qui demande";
        Other = "other", "Another reason", "Otro motivo", "Une autre raison";
    }
}

vocabulary! {
    /// Why a place is closed although its hours say open.
    ClosureReason ("closure reason") {
        #[default]
        Weather = "weather", "Weather", "Mal tiempo", "Intempéries";
        Outage = "outage", "Power, phones or systems are down", "Falla de luz, teléfonos o sistemas", "Panne de courant, de téléphone ou d’informatique";
        Building = "building", "The building is closed", "El edificio está cerrado", "Le bâtiment est fermé";
        TooFew = "too_few", "Too few people are here", "Falta personal", "Effectif insuffisant";
        Training = "training", "Training or meeting", "Capacitación o reunión", "Formation ou réunion";
        Other = "other", "Another reason", "Otro motivo", "Une autre raison";
    }
}
