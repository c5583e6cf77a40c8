//! What a form asks about once, and takes when it is sent again as it was.

use super::flow::{Fake, app_before};
use super::*;

#[tokio::test]
async fn whoever_mistyped_the_domain_of_their_mail_is_asked_once_and_may_mean_it() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let own = patient::router(Arc::clone(&app));
    let staff = staff::router(Arc::clone(&app));
    let public = ("/harbor-valley/forms/general?lang=es", FILLED.to_owned(), "¿Quiso decir rosa@gmail.com?");
    let call = (
        "/inquiries/new",
        format!("csrf={csrf}&form=second-opinion&{FILLED}"),
        "Did you mean rosa@gmail.com? If it is right",
    );
    for (router, cookies, (url, form, question)) in [(&own, &[][..], public), (&staff, &cookies[..], call)] {
        let form = format!("{form}&idempotency_key=k");
        let before = fake.taken.lock().expect("lock").len();
        let typed = format!("{form}&email=rosa%40gmial.com");
        let asked = ask(router, Method::POST, url, cookies, &typed).await;
        assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(asked.body.contains(question), "{}", asked.body);
        assert!(asked.body.contains("name=\"asked_email\" value=\"rosa@gmial.com\""), "{}", asked.body);
        assert_eq!(fake.taken.lock().expect("lock").len(), before, "nothing is kept while the question stands");
        let other = ask(router, Method::POST, url, cookies, &format!("{typed}&asked_email=rosa%40gamil.com")).await;
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "another address is asked about anew");
        let meant = ask(router, Method::POST, url, cookies, &format!("{typed}&asked_email=rosa%40gmial.com")).await;
        assert_eq!(meant.status, StatusCode::SEE_OTHER, "{}", meant.body);
        let taken = fake.taken.lock().expect("lock").last().expect("taken").answers.clone();
        assert_eq!(taken.get("email").map(String::as_str), Some("rosa@gmial.com"));
        assert!(!taken.contains_key("asked_email"));
        let right = format!("{form}&email=rosa%40gmail.com&asked_email=rosa%40gmial.com");
        assert_eq!(ask(router, Method::POST, url, cookies, &right).await.status, StatusCode::SEE_OTHER);
    }
}

/// All that a form needs but a phone number.
const REST: &str =
    "who=patient&name=Rosa&consult_type=new_consult&cancer_area=breast&consent_phone=yes&idempotency_key=k";

#[tokio::test]
async fn what_can_t_be_read_is_asked_about_once_and_sent_again_goes_to_a_person() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let (own, staff) = (patient::router(Arc::clone(&app)), staff::router(Arc::clone(&app)));
    let doors = [
        (&own, &[][..], "/harbor-valley/forms/second-opinion?lang=en", String::new()),
        (&staff, &cookies[..], "/inquiries/new", format!("csrf={csrf}&form=second-opinion&")),
    ];
    for (router, cookies, url, before) in doors {
        for (typed, field, answer) in [
            ("phone=2065550142+ask+for+Ana", "phone", "2065550142 ask for Ana"),
            ("phone=206+555+0142+/+206+555+0143", "phone", "206 555 0142 / 206 555 0143"),
            ("phone=5550142", "phone", "5550142"),
            ("phone=x&email=ana@home", "email", "ana@home"),
            ("phone=2065550142&birth_date-year=61", "birth_date", "61"),
        ] {
            let form = format!("{before}{REST}&{typed}");
            let count = fake.taken.lock().expect("lock").len();
            let asked = ask(router, Method::POST, url, cookies, &form).await;
            assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
            assert!(asked.body.contains("If it is right as you typed it, send the form again."), "{}", asked.body);
            let hidden = format!("name=\"asked_{field}\" value=\"{answer}\"");
            assert!(asked.body.contains(&hidden), "{typed}: {}", asked.body);
            assert_eq!(fake.taken.lock().expect("lock").len(), count, "nothing is kept while it is asked: {typed}");
            let changed = format!("{form}&asked_{field}=other");
            let changed = ask(router, Method::POST, url, cookies, &changed).await;
            assert_eq!(changed.status, StatusCode::UNPROCESSABLE_ENTITY, "another answer is asked about anew: {typed}");
            // Of the phone that nobody can read it is told beside the address at fault.
            let beside = if field == "email" { "&asked_phone=x" } else { "" };
            let again = format!("{form}&asked_{field}={}{beside}", answer.replace(' ', "+"));
            let again = ask(router, Method::POST, url, cookies, &again).await;
            assert_eq!(again.status, StatusCode::SEE_OTHER, "{typed}: {}", again.body);
            let taken = fake.taken.lock().expect("lock").last().expect("taken").clone();
            assert!(!taken.strict, "a person mends it: {typed}");
            assert_eq!(taken.answers.get(field).map(String::as_str), Some(answer));
            assert!(!taken.answers.keys().any(|key| key.starts_with("asked_")));
        }
        let read = format!("{before}{REST}&phone=011+33+1+42+68+53+00");
        assert_eq!(ask(router, Method::POST, url, cookies, &read).await.status, StatusCode::SEE_OTHER);
        assert!(fake.taken.lock().expect("lock").last().expect("taken").strict, "nothing is to be mended");
    }
}

#[tokio::test]
async fn what_nobody_could_mend_is_asked_until_it_is_there() {
    let fake = Fake::default();
    let router = patient::router(app_before(fake.clone()).await);
    for (typed, asked) in [
        ("who=patient&name=Rosa&phone=call+me&consent_phone=yes&asked_phone=call+me", "Enter a phone number"),
        (
            "who=patient&name=Rosa&phone=call+me&email=ana&consent_phone=yes&asked_phone=call+me&asked_email=ana",
            "Enter",
        ),
        ("who=patient&name=Rosa&consent_phone=yes&asked_phone=", "phone number or an email address"),
        ("who=patient&phone=2065550142&consent_phone=yes&asked_name=", "name"),
        ("who=patient&name=Rosa&phone=2065550142&asked_consent_phone=", "Tick the box"),
    ] {
        let form = format!("{typed}&consult_type=new_consult&cancer_area=breast&idempotency_key=k");
        let back = ask(&router, Method::POST, "/harbor-valley/forms/general", &[], &form).await;
        assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        assert!(back.body.contains(asked) && !back.body.contains("If it is right as you typed it"), "{}", back.body);
    }
    assert!(fake.taken.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn a_call_was_at_a_time_that_has_been() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    for (typed, asked) in [
        ("yesterday+evening", Some("Enter the day and the time")),
        ("2099-01-01T10:00", Some("This lies in the future")),
        ("2027-03-02T16:00", None),
        ("", None),
    ] {
        let form = format!("csrf={csrf}&form=second-opinion&called_at={typed}&idempotency_key=k&{FILLED}");
        let answer = ask(&router, Method::POST, "/inquiries/new", &[("cookie", cookie.as_str())], &form).await;
        let status = if asked.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::SEE_OTHER };
        assert_eq!(answer.status, status, "{typed}");
        assert!(asked.is_none_or(|words| answer.body.contains(words)), "{typed}: {}", answer.body);
    }
}
