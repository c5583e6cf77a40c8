//! Documents that come in: what kinds of file are taken, and what may be wrong with one, in words that say what to do instead.
//!
//! The words stand here so that the page, the partner's answer and the staff say the same of one fault. Deliberately not here:
//! how a kind is told from bytes (ingestion), and which documents a visit needs (records).

use crate::words::vocabulary;

vocabulary! {
    /// What a file is, by its content.
    DocumentType ("document type") {
        #[default]
        Pdf = "pdf", "PDF", "PDF", "PDF";
        Jpeg = "jpeg", "JPEG photo", "Foto JPEG", "Photo JPEG";
        Png = "png", "PNG picture", "Imagen PNG", "Image PNG";
        Heic = "heic", "HEIC photo", "Foto HEIC", "Photo HEIC";
        Tiff = "tiff", "TIFF picture", "Imagen TIFF", "Image TIFF";
        Dicom = "dicom", "DICOM scan", "Imagen DICOM", "Image DICOM";
        Docx = "docx", "Word document", "Documento de Word", "Document Word";
        Doc = "doc", "Word document of before 2007", "Documento de Word anterior a 2007", "Document Word d'avant 2007";
        Rtf = "rtf", "Rich text", "Texto con formato", "Texte enrichi";
        Text = "text", "Plain text", "Texto simple", "Texte simple";
        Ccda = "ccda", "Health summary (C-CDA)", "Resumen de salud (C-CDA)", "Résumé de santé (C-CDA)";
    }
}

impl DocumentType {
    /// The media type by which it is handed out.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Heic => "image/heic",
            Self::Tiff => "image/tiff",
            Self::Dicom => "application/dicom",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Doc => "application/msword",
            Self::Rtf => "application/rtf",
            Self::Text => "text/plain; charset=utf-8",
            Self::Ccda => "application/xml",
        }
    }

    /// The ending of its file name, without the dot.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Heic => "heic",
            Self::Tiff => "tif",
            Self::Dicom => "dcm",
            Self::Docx => "docx",
            Self::Doc => "doc",
            Self::Rtf => "rtf",
            Self::Text => "txt",
            Self::Ccda => "xml",
        }
    }
}

vocabulary! {
    /// Why a file is not taken; the words say what to do instead.
    DocumentFault ("document fault") {
        #[default]
        Unknown = "unknown_type", "We cannot open this kind of file. Send a PDF or a photo instead.", "No podemos abrir este tipo de archivo. Envíe un PDF o una foto.", "Nous ne pouvons pas ouvrir ce type de fichier. Envoyez un PDF ou une photo.";
        Picture = "picture_type", "We cannot open this kind of picture. Save it as JPEG or PNG, or take a photo of the page and send that.", "No podemos abrir este tipo de imagen. Guárdela como JPEG o PNG, o tome una foto de la página y envíela.", "Nous ne pouvons pas ouvrir ce type d'image. Enregistrez-la en JPEG ou PNG, ou prenez la page en photo et envoyez la photo.";
        Office = "office_type", "We cannot open this kind of office file. Save it as a PDF, then send the PDF.", "No podemos abrir este tipo de archivo de oficina. Guárdelo como PDF y después envíe el PDF.", "Nous ne pouvons pas ouvrir ce type de fichier de bureautique. Enregistrez-le en PDF, puis envoyez le PDF.";
        Empty = "empty", "This file is empty. Open it on your device to check it, then send it again.", "Este archivo está vacío. Ábralo en su dispositivo para revisarlo y envíelo de nuevo.", "Ce fichier est vide. Ouvrez-le sur votre appareil pour le vérifier, puis renvoyez-le.";
        Program = "program", "This file is a program, not a record. Choose the record itself, such as a PDF or a photo.", "Este archivo es un programa, no un documento. Elija el documento, como un PDF o una foto.", "Ce fichier est un programme, pas un document. Choisissez le document, comme un PDF ou une photo.";
        Archive = "archive", "This file is a packed folder (zip). Open it and send the files in it one by one.", "Este archivo es una carpeta comprimida (zip). Ábrala y envíe sus archivos uno por uno.", "Ce fichier est un dossier compressé (zip). Ouvrez-le et envoyez ses fichiers un par un.";
        Locked = "locked", "This file is protected. Save a copy without a password, print it to a new PDF, or send photos of the pages.", "Este archivo está protegido. Guarde una copia sin contraseña, imprímalo en un PDF nuevo o envíe fotos de las páginas.", "Ce fichier est protégé. Enregistrez une copie sans mot de passe, imprimez-le dans un nouveau PDF ou envoyez des photos des pages.";
        Damaged = "damaged", "This file is damaged or was cut short. Save it again, or send photos of the pages.", "Este archivo está dañado o incompleto. Guárdelo de nuevo o envíe fotos de las páginas.", "Ce fichier est abîmé ou incomplet. Enregistrez-le à nouveau ou envoyez des photos des pages.";
        TooLarge = "too_large", "This file is too large. Send it in parts, or send photos of the pages.", "Este archivo es demasiado grande. Envíelo en partes o envíe fotos de las páginas.", "Ce fichier est trop grand. Envoyez-le en plusieurs parties ou envoyez des photos des pages.";
        TooManyPages = "too_many_pages", "This file has too many pages. Send the pages that matter most, or send it in parts.", "Este archivo tiene demasiadas páginas. Envíe las más importantes o envíelo en partes.", "Ce fichier a trop de pages. Envoyez les plus importantes ou envoyez-le en plusieurs parties.";
        TooMany = "too_many", "We have as many files as this page can take. Call us to send more.", "Ya tenemos todos los archivos que esta página puede recibir. Llámenos para enviar más.", "Nous avons déjà tous les fichiers que cette page peut recevoir. Appelez-nous pour en envoyer d'autres.";
        Infected = "infected", "Our safety check stopped this file. Send a new copy, photos of the pages, or call us.", "Nuestra revisión de seguridad detuvo este archivo. Envíe una copia nueva, fotos de las páginas o llámenos.", "Notre contrôle de sécurité a arrêté ce fichier. Envoyez une nouvelle copie, des photos des pages, ou appelez-nous.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_says_in_each_language_what_to_do_and_blames_nobody() {
        for fault in DocumentFault::ALL {
            for language in ["en", "es", "fr"] {
                let said = fault.label(language);
                assert!(said.matches(". ").count() >= 1 && said.ends_with('.'), "{fault}: a remedy follows: {said}");
                let said = said.to_lowercase();
                for blame in ["invalid", "wrong", "sorry", "error", "inválido", "invalide", "erreur"] {
                    assert!(!said.contains(blame), "{fault} in {language}: {blame}");
                }
            }
            assert_ne!(fault.label("en"), fault.label("es"));
            assert_ne!(fault.label("en"), fault.label("fr"));
        }
    }

    #[test]
    fn endings_and_media_types_tell_kinds_apart() {
        let mut endings: Vec<_> = DocumentType::ALL.iter().map(|kind| (kind.ending(), kind.media_type())).collect();
        endings.sort_unstable();
        endings.dedup();
        assert_eq!(endings.len(), DocumentType::ALL.len());
    }
}
