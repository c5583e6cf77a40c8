//! Files on their way from a patient's form to ingestion, and from there to staff.

use super::flow::{Fake, PART, app_before};
use super::*;

const BOUNDARY: &str = "----made-up-boundary";

/// A form as a browser sends it: fields with a file name are files.
fn form(fields: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, value) in fields {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
        body.extend(*value);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

async fn send(app: &Arc<App>, path: &str, body: Vec<u8>) -> Seen {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(Body::from(body))
        .expect("request");
    let response = patient::file_router(Arc::clone(app)).oneshot(request).await.expect("answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    Seen { status, headers, body: String::from_utf8(body.to_vec()).expect("text") }
}

fn link(app: &App) -> String {
    let until = app.clock.now() + SignedDuration::from_hours(24);
    app.links.issue("harbor-valley", PATIENT_LINK, Uuid::from_u128(7), until).expect("a link")
}

#[tokio::test]
async fn several_files_of_one_form_are_each_taken_or_told_by_what_is_wrong_with_them() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let token = link(&app);
    let report: Vec<u8> = (0..u32::try_from(3 * PART).expect("small")).map(|byte| byte as u8).collect();
    let body = form(&[
        ("record", None, b"pathology_report"),
        ("file", Some(""), b""),
        ("file", Some("testpatient.pdf"), &report),
        ("file", Some("setup.exe"), &[b"MZ".as_slice(), &[0; 5000]].concat()),
        ("file", Some("nothing.pdf"), b""),
    ]);
    let sent = send(&app, &format!("/p/{token}/records"), body).await;
    assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(sent.header("content-security-policy").contains("default-src 'none'"));
    let begun = fake.documents.lock().expect("lock").clone();
    assert_eq!(begun.len(), 3, "a field without a choice is no file");
    assert_eq!(begun[0].1, report, "byte for byte, in parts");
    let (first, inquiry) = (&begun[0].0, Uuid::from_u128(7).to_string());
    assert_eq!((first.record_kind.as_str(), first.inquiry_id.as_str()), ("pathology_report", inquiry.as_str()));
    let told = sent.body;
    for words in [
        "Tenemos su archivo.",
        "nothing.pdf (0 KB): Este archivo está vacío.",
        "setup.exe (6 KB): Este archivo es un programa",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[tokio::test]
async fn a_form_that_is_cut_or_empty_is_told_so_and_an_unknown_paper_is_none() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let path = format!("/p/{}/records", link(&app));
    let whole = form(&[("record", None, b"/etc/passwd"), ("file", Some("a.pdf"), b"%PDF-1.4")]);
    let cut = send(&app, &path, whole[..whole.len() - BOUNDARY.len() - 12].to_vec()).await;
    assert!(cut.body.contains("a.pdf") && cut.body.contains("No nos llegó este archivo."), "{}", cut.body);
    let told =
        form(&[("kept", None, b"2"), ("lost", None, b"too_large 31000000 scan 1.tif"), ("lost", None, b"cut 5 b.png")]);
    let told = send(&app, &path, told).await;
    for words in ["sus 2 archivos", "scan 1.tif (31 MB): Este", "Elija uno de menos de", "b.png (1 KB): No nos llegó"]
    {
        assert!(told.body.contains(words), "{words}: {}", told.body);
    }
    let begun = fake.documents.lock().expect("lock").clone();
    assert_eq!(begun[0].0.record_kind, "", "a paper that the center does not have");
    let nothing = send(&app, &path, form(&[("record", None, b"imaging"), ("file", Some(""), b"")])).await;
    assert!(nothing.header("location").contains("kept=0&faults=#"));
    let foreign = send(&app, "/p/none/records", whole).await;
    assert_eq!(foreign.status, StatusCode::GONE, "a link that is none opens nothing");
    assert_eq!(fake.documents.lock().expect("lock").len(), 1);
}

#[tokio::test]
async fn a_file_that_was_cut_between_two_parts_goes_on_where_it_was_reached() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = patient::file_router(Arc::clone(&app));
    let uploads = format!("/p/{}/uploads", link(&app));
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).expect("request");
        let response = router.clone().oneshot(request).await.expect("answer");
        Seen { status: response.status(), headers: response.headers().clone(), body: String::new() }
    };
    let named = [("upload-name", "informe%20m%C3%A9dico.pdf"), ("upload-record", "imaging")];
    let begun = ask("POST", &uploads, &named, b"").await;
    assert_eq!((begun.status, begun.header("upload-offset")), (StatusCode::CREATED, "0"));
    let place = begun.header("location").to_owned();
    let first = ask("PATCH", &place, &[("upload-offset", "0")], b"%PDF-1").await;
    assert_eq!((first.status, first.header("upload-offset")), (StatusCode::NO_CONTENT, "6"));
    let lost = ask("PATCH", &place, &[("upload-offset", "0")], b"%PDF-1").await;
    assert_eq!(lost.status, StatusCode::CONFLICT, "its answer was lost");
    let reached = ask("HEAD", &place, &[], b"").await;
    assert_eq!((reached.status, reached.header("upload-offset")), (StatusCode::OK, "6"));
    assert_eq!(ask("PATCH", &place, &[("upload-offset", "6")], b".4").await.status, StatusCode::NO_CONTENT);
    assert_eq!(ask("POST", &format!("{place}/finish"), &[], b"").await.status, StatusCode::NO_CONTENT);
    let kept = fake.documents.lock().expect("lock").last().cloned().expect("begun");
    assert_eq!((kept.0.name.as_str(), kept.0.record_kind.as_str()), ("informe médico.pdf", "imaging"));
    assert_eq!(kept.1, b"%PDF-1.4");

    let begun = ask("POST", &uploads, &[], b"").await;
    let place = begun.header("location").to_owned();
    let program = ask("PATCH", &place, &[("upload-offset", "0")], b"MZ\x90").await;
    assert_eq!((program.status, program.header("upload-fault")), (StatusCode::UNPROCESSABLE_ENTITY, "program"));
    assert_eq!(ask("PATCH", &place, &[], b"x").await.status, StatusCode::BAD_REQUEST, "no offset");
    let long = ask("PATCH", &place, &[("upload-offset", "3")], &vec![b'x'; 1024 * 1024 + 1]).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let page = get(&patient::router(app), place.split("/uploads").next().expect("a path")).await;
    assert!(page.header("content-security-policy").contains("connect-src 'self'"));
    assert!(page.body.contains("/a/upload.") && page.body.contains("data-uploads="));
}

#[tokio::test]
async fn a_client_of_tus_alone_sends_a_file_whose_length_it_told_and_no_byte_more() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = patient::file_router(Arc::clone(&app));
    let uploads = format!("/p/{}/uploads", link(&app));
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let mut request = Request::builder().method(method).uri(path).header("tus-resumable", "1.0.0");
        if method == "PATCH" {
            request = request.header("content-type", "application/offset+octet-stream");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).expect("request");
        let response = router.clone().oneshot(request).await.expect("answer");
        let seen = Seen { status: response.status(), headers: response.headers().clone(), body: String::new() };
        assert_eq!(seen.header("tus-resumable"), "1.0.0", "{method} {path}");
        seen
    };
    let spoken = ask("OPTIONS", &uploads, &[], b"").await;
    assert_eq!((spoken.status, spoken.header("tus-extension")), (StatusCode::NO_CONTENT, "creation"));
    let named = [("upload-length", "8"), ("upload-metadata", "filetype YXBwL3BkZg==,filename aW5mb3JtZS5wZGY=")];
    let place = ask("POST", &uploads, &named, b"").await.header("location").to_owned();
    let long = ask("PATCH", &place, &[("upload-offset", "0")], b"%PDF-1.4+").await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE, "one byte more than was told");
    assert_eq!(ask("PATCH", &place, &[("upload-offset", "0")], b"%PDF-1").await.header("upload-offset"), "6");
    let reached = ask("HEAD", &place, &[], b"").await;
    assert_eq!((reached.header("upload-offset"), reached.header("upload-length")), ("6", "8"));
    assert_eq!(reached.header("cache-control"), "no-store");
    assert_eq!(*fake.finished.lock().expect("lock"), 0);
    assert_eq!(ask("PATCH", &place, &[("upload-offset", "6")], b".4").await.status, StatusCode::NO_CONTENT);
    assert_eq!(*fake.finished.lock().expect("lock"), 1, "the last byte ends it");
    assert_eq!(fake.documents.lock().expect("lock").last().expect("begun").0.name, "informe.pdf");
    // Whoever asks how far it is because the answer was lost is told so once it is kept.
    assert_eq!(ask("HEAD", &place, &[], b"").await.header("upload-offset"), "8");
    assert_eq!(*fake.finished.lock().expect("lock"), 2);
    let empty = ask("POST", &uploads, &[("upload-length", "0")], b"").await;
    assert_eq!((empty.status, empty.header("upload-fault")), (StatusCode::UNPROCESSABLE_ENTITY, "empty"));
    assert_eq!(ask("POST", &uploads, &[], b"").await.status, StatusCode::BAD_REQUEST, "no length");
    for told in ["-1", "eight", "1.5"] {
        let refused = ask("POST", &uploads, &[("upload-length", told)], b"").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{told}");
    }
    let request = Request::builder().method("POST").uri(&uploads).header("tus-resumable", "0.2.2");
    let other = router.clone().oneshot(request.body(Body::empty()).expect("request")).await.expect("answer");
    assert_eq!(other.status(), StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn the_address_of_the_page_can_not_make_it_say_something() {
    let app = app_before(Fake::default()).await;
    let router = patient::router(Arc::clone(&app));
    let path = format!("/p/{}?said=files&kept=2&faults=program.call-this-number&cut=%3Cb%3E", link(&app));
    let told = get(&router, &path).await.body;
    assert!(told.contains("Tenemos sus 2 archivos.") && !told.contains("call-this") && !told.contains("<b>"), "{told}");
}

#[tokio::test]
async fn staff_get_a_document_as_a_download_that_no_browser_runs_and_put_it_to_a_line() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let inquiry = format!("/inquiries/{}", Uuid::from_u128(7));
    let document = format!("{inquiry}/documents/{}", Uuid::from_u128(0xabc));
    let opened = ask(&router, Method::GET, &document, &cookies, "").await;
    assert_eq!((opened.status, opened.body.as_str()), (StatusCode::OK, "%PDF-1.4"));
    assert!(opened.header("content-disposition").starts_with("attachment; filename=\"document-"));
    assert_eq!(opened.header("content-type"), "application/pdf");
    assert_eq!((opened.header("x-content-type-options"), opened.header("cache-control")), ("nosniff", "no-store"));
    assert!(opened.header("content-security-policy").contains("sandbox"));
    let waiting = ask(&router, Method::GET, &format!("{inquiry}/documents/{}", Uuid::nil()), &cookies, "").await;
    assert_eq!(waiting.status, StatusCode::CONFLICT);
    assert!(waiting.body.contains("still being checked"), "{}", waiting.body);
    let nobody = ask(&router, Method::GET, &document, &[], "").await;
    assert_eq!(nobody.status, StatusCode::SEE_OTHER, "who is not signed in signs in first");

    let sent = format!("csrf={csrf}&version=1.0&kind=imaging");
    let matched = ask(&router, Method::POST, &format!("{document}/match"), &cookies, &sent).await;
    assert_eq!((matched.status, matched.header("location")), (StatusCode::SEE_OTHER, inquiry.as_str()));
    let asked = fake.matched.lock().expect("lock").clone();
    assert_eq!((asked[0].record_kind.as_str(), asked[0].center.as_str()), ("imaging", "harbor-valley"));
    let forged = ask(&router, Method::POST, &format!("{document}/match"), &cookies, "kind=imaging").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}
