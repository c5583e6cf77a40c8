//! The staff face as a browser without script uses it.

/// Signs in at the staff face as an intake manager of a center, by its short name, and gives the session's cookie.
pub async fn sign_in(staff: &str, center: &str) -> String {
    sign_in_as(staff, &[center, "manager"]).await
}

/// The same as the first person of whom all these words are said.
pub async fn sign_in_as(staff: &str, words: &[&str]) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let page = client.get(format!("{staff}/sign-in")).send().await.expect("the sign-in page");
    let door = cookies(&page).remove(0);
    let body = page.text().await.expect("a body");
    let value = |part: &str, name: &str| {
        let after = part.split(&format!("name=\"{name}\" value=\"")).nth(1)?;
        after.split('"').next().map(str::to_owned)
    };
    let entry = body
        .split("<li>")
        .find(|part| words.iter().all(|word| part.to_lowercase().contains(&word.to_lowercase())))
        .unwrap_or_else(|| panic!("nobody to sign in as: {words:?}"));
    let (person, csrf) = (value(entry, "person").expect("a person"), value(entry, "csrf").expect("a token"));
    let answer = client
        .post(format!("{staff}/sign-in/development"))
        .header("origin", staff)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", door)
        .form(&[("person", person.as_str()), ("csrf", &csrf), ("next", "/worklist")])
        .send()
        .await
        .expect("the sign-in answers");
    let session = cookies(&answer).into_iter().find(|cookie| cookie.contains("session"));
    session.unwrap_or_else(|| panic!("no session after sign-in: {}", answer.status()))
}

fn cookies(answer: &reqwest::Response) -> Vec<String> {
    let set = answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    set.filter_map(|cookie| Some(cookie.split(';').next()?.to_owned())).collect()
}
