//! Checks that hold for every page: no inline style or script, labels, one heading, no names where they do not belong,
//! and no wording that presses a patient.

use super::{
    samples::{PATIENT, Rendered, all, assets},
    scan::{Tag, tags, text_of},
};
use std::{collections::HashSet, fs, path::Path};

fn for_each_page(check: impl Fn(&Rendered, &[Tag<'_>])) {
    for page in all() {
        check(&page, &tags(&page.html));
    }
}

#[test]
fn no_page_carries_inline_style_or_script() {
    for_each_page(|page, tags| {
        for tag in tags {
            let attribute = tag.attributes.iter().find(|(name, _)| *name == "style" || name.starts_with("on"));
            assert!(attribute.is_none(), "{}: <{}> has {attribute:?}", page.name, tag.name);
            assert_ne!(tag.name, "style", "{}", page.name);
            if tag.name == "script" {
                assert!(tag.get("src").is_some_and(|source| source.starts_with("/a/")), "{}", page.name);
                assert!(page.html[tag.end..].starts_with("</script>"), "{}: a script has a body", page.name);
            }
            for name in ["href", "src", "action"] {
                let value = tag.get(name).unwrap_or_default();
                assert!(!value.starts_with("javascript:") && !value.contains("//"), "{}: {value}", page.name);
            }
        }
    });
}

#[test]
fn every_page_has_one_heading_its_language_and_its_landmarks() {
    for_each_page(|page, tags| {
        let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        assert_eq!(count("h1"), 1, "{}", page.name);
        assert_eq!(count("main"), 1, "{}", page.name);
        assert_eq!(count("title"), 1, "{}", page.name);
        assert!(tags.iter().any(|tag| tag.name == "html" && tag.get("lang").is_some_and(|lang| lang.len() == 2)));
        assert!(tags.iter().any(|tag| tag.name == "a" && tag.get("href") == Some("#main")), "{}", page.name);
    });
}

#[test]
fn every_control_has_a_label_and_every_id_is_used_once() {
    for_each_page(|page, tags| {
        let labelled: HashSet<&str> =
            tags.iter().filter(|tag| tag.name == "label").filter_map(|tag| tag.get("for")).collect();
        let mut ids = HashSet::new();
        for tag in tags {
            if let Some(id) = tag.get("id") {
                assert!(ids.insert(id), "{}: the id {id} is used twice", page.name);
            }
            let control = matches!(tag.name, "input" | "select" | "textarea") && tag.get("type") != Some("hidden");
            if control {
                let by_id = tag.get("id").is_some_and(|id| labelled.contains(id));
                assert!(by_id || is_inside_label(&page.html, tag), "{}: {tag:?} has no label", page.name);
            }
        }
        for tag in tags {
            for id in tag.get("aria-describedby").unwrap_or_default().split_whitespace() {
                assert!(ids.contains(id), "{}: nothing has the id {id}", page.name);
            }
            let anchor = tag.get("href").and_then(|link| link.strip_prefix('#'));
            assert!(anchor.is_none_or(|id| ids.contains(id)), "{}: {anchor:?} leads nowhere", page.name);
        }
    });
}

fn is_inside_label(html: &str, tag: &Tag<'_>) -> bool {
    let before = &html[..tag.end];
    match (before.rfind("<label"), before.rfind("</label>")) {
        (Some(open), Some(close)) => open > close,
        (open, _) => open.is_some(),
    }
}

#[test]
fn a_name_is_never_in_a_title_or_an_address() {
    for_each_page(|page, tags| {
        assert!(!text_of(&page.html, "title").contains(PATIENT), "{}", page.name);
        for tag in tags {
            for name in ["href", "action", "src", "data-hx-get", "id"] {
                assert!(!tag.get(name).unwrap_or_default().contains(PATIENT), "{}", page.name);
            }
        }
    });
}

#[test]
fn every_staff_form_that_changes_something_sends_the_token_and_searches_by_post() {
    for_each_page(|page, tags| {
        for (place, form) in tags.iter().enumerate().filter(|(_, tag)| !page.public && tag.name == "form") {
            let fields = tags[place + 1..].iter().take_while(|tag| tag.name != "form");
            let has_token = fields.clone().any(|tag| tag.get("name") == Some("csrf"));
            assert_eq!(form.get("method") == Some("post"), has_token, "{}: {form:?}", page.name);
            let search = fields.clone().any(|tag| tag.get("type") == Some("search"));
            assert!(!search || form.get("method") == Some("post"), "{}", page.name);
        }
    });
}

#[test]
fn nothing_is_ticked_or_chosen_for_the_person() {
    let fresh = all().into_iter().filter(|page| page.name.starts_with("form-") && page.name.len() == "form-en".len());
    for page in fresh {
        let chosen =
            tags(&page.html).into_iter().find(|tag| tag.get("checked").is_some() || tag.get("selected").is_some());
        assert!(chosen.is_none(), "{}: {chosen:?}", page.name);
    }
}

#[test]
fn a_form_with_errors_says_so_first_in_its_title() {
    let page = all().into_iter().find(|page| page.name == "form-error-en").expect("the sample exists");
    assert!(text_of(&page.html, "title").starts_with("Error: "));
    let links = tags(&page.html)
        .into_iter()
        .filter(|tag| matches!(tag.get("href"), Some("#who" | "#phone" | "#born" | "#consent-consent-contact")));
    assert_eq!(links.count(), 4);
    assert!(page.html.contains(PATIENT), "the answers are kept");
}

/// Wording that presses, threatens, promises or blames; it may stand in no template and no sentence.
const FORBIDDEN: [&str; 33] = [
    "act now",
    "don’t wait",
    "don't wait",
    "before it’s too late",
    "before it's too late",
    "every day counts",
    "time is running out",
    "last chance",
    "spots left",
    "slots left",
    "limited time",
    "hurry",
    "book now",
    "your life depends",
    "guaranteed",
    "best chance of survival",
    "miracle",
    "cancer won’t wait",
    "cancer won't wait",
    "final reminder",
    "you missed",
    "you failed",
    "no thanks, i don",
    "battle",
    "cancer victim",
    "oops",
    "invalid",
    "apúrese",
    "no espere",
    "última oportunidad",
    "dépêchez",
    "n’attendez pas",
    "dernière chance",
];

#[test]
fn no_template_and_no_sentence_uses_forbidden_wording() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["templates", "src/words"] {
        files.extend(
            fs::read_dir(root.join(folder)).expect("the folder is there").map(|file| file.expect("readable").path()),
        );
    }
    assert!(files.len() > 15, "the folders were read");
    for file in files {
        let text = fs::read_to_string(&file).expect("the file is text").replace("aria-invalid", "").to_lowercase();
        for words in FORBIDDEN {
            assert!(!text.contains(words), "{} says \"{words}\"", file.display());
        }
    }
}

#[test]
fn the_english_sentences_are_short() {
    let text = include_str!("../words/en.rs");
    let sentences = text.split('"').skip(1).step_by(2).flat_map(|line| line.split(['.', '?', '!']));
    for sentence in sentences {
        assert!(sentence.split_whitespace().count() <= 22, "too long: {sentence}");
    }
}

#[test]
fn the_pages_can_be_written_out_for_a_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pages");
    let files = folder.join("a");
    fs::create_dir_all(files.join("theme")).expect("the folder can be made");
    let assets = assets();
    for name in assets.names() {
        fs::write(files.join(name), &assets.get(name).expect("it has a name").bytes).expect("a file can be written");
    }
    let theme = crate::theme::Theme::default().css().expect("the default colours can be read");
    fs::write(files.join("theme/harbor-valley.css"), theme).expect("a file can be written");
    for page in all() {
        fs::write(folder.join(format!("{}.html", page.name)), page.html).expect("a file can be written");
    }
}
