//! `causeway audit verify`, and what is written down for it to verify.

use causeway_proto::inquiry::v1::RevealPeopleRequest;
use causeway_proto::intake::v1::NoteSignInRequest;
use causeway_tests::{Installation, sign_in};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _};
use tonic::Code;

use crate::{CENTER, OTHER, desk, ingestion};

/// Who did what, to what and how it went, of rows with this outcome or action.
async fn written(installation: &Installation, service: &str, which: &str) -> Vec<(String, String, String, String)> {
    let sql =
        format!("SELECT actor_id, action, object_id, center_id FROM audit_log WHERE {which} ORDER BY center_id, seq");
    let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut installation.owner(service).await).await;
    rows.expect("the audit log")
}

pub async fn sign_ins_and_refused_looks_are_written_down(installation: &Installation) {
    let before = written(installation, "intake-desk", "action = 'sign in'").await;
    sign_in(installation.address("staff"), "Harbor Valley").await;
    let after = written(installation, "intake-desk", "action = 'sign in' AND outcome = 'done'").await;
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    let (who, _, whom, center) = after.last().expect("a row");
    assert!(who == whom && !who.is_empty() && center == CENTER, "{after:?}");
    let request = NoteSignInRequest { center: OTHER.to_owned(), way: "provider".to_owned() };
    let forged = desk(installation, CENTER, "dana").note_sign_in(request).await.expect_err("not theirs");
    assert_eq!(forged.code(), Code::PermissionDenied);

    let mut owner = installation.owner("ingestion").await;
    let id: uuid::Uuid = sqlx::query_scalar("SELECT inquiry_id FROM inquiries WHERE center_id = $1 LIMIT 1")
        .bind(CENTER)
        .fetch_one(&mut owner)
        .await
        .expect("an inquiry");
    let look = |center: &str| RevealPeopleRequest {
        center: center.to_owned(),
        inquiry_ids: vec![id.to_string()],
        purpose: "inquiry_page".to_owned(),
    };
    let refused = ingestion(installation, OTHER, "stranger").reveal_people(look(CENTER)).await.expect_err("not theirs");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let row = |who: &str| (who.to_owned(), "read person".to_owned(), id.to_string(), CENTER.to_owned());
    assert_eq!(written(installation, "ingestion", "outcome = 'refused'").await, [row("stranger")]);
    let nowhere = ingestion(installation, OTHER, "stranger").reveal_people(look("atlantis")).await;
    assert!(nowhere.is_err() && written(installation, "ingestion", "center_id = 'atlantis'").await.is_empty());
    ingestion(installation, CENTER, "dana").reveal_people(look(CENTER)).await.expect("theirs");
    assert_eq!(written(installation, "ingestion", "actor_id = 'dana' AND outcome = 'done'").await, [row("dana")]);
}

async fn verify(installation: &Installation) -> (i32, Value) {
    let (code, mut told) = installation.json(&["audit", "verify"]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    (code, told.remove(0))
}

pub async fn a_row_that_was_changed_is_named(installation: &Installation) {
    let (code, told) = verify(installation).await;
    assert_eq!((code, &told["sound"]), (0, &true.into()), "{told}");
    let chains = told["chains"].as_array().expect("chains");
    let own = |chains: &[Value]| {
        let found = chains.iter().find(|one| one["service"] == "ingestion" && one["center"] == CENTER);
        found.expect("the chain of ingestion").clone()
    };
    let chain = own(chains);
    assert!(chain["rows"].as_i64() > Some(2) && chain["head"].as_str().is_some_and(|head| head.len() == 64), "{chain}");
    let (code, text) = installation.command(&["audit", "verify"]).await;
    assert!(code == 0 && text.contains(&format!("sound: {} chains", chains.len())), "{text}");

    let mut owner = installation.owner("ingestion").await;
    let set = |to: &str| format!("UPDATE audit_log SET purpose = {to} WHERE center_id = '{CENTER}' AND seq = 2");
    let kept = "CREATE TABLE kept AS SELECT purpose FROM audit_log WHERE center_id = 'harbor-valley' AND seq = 2";
    owner.execute(kept).await.expect("kept");
    owner.execute(AssertSqlSafe(set("'curiosity'"))).await.expect("changed by its owner");
    let (code, told) = verify(installation).await;
    assert_eq!((code, &told["sound"]), (1, &false.into()), "{told}");
    let chain = own(told["chains"].as_array().expect("chains"));
    assert_eq!(chain["rows"], 1, "what stands before it is sound");
    assert!(chain["fault"].as_str().is_some_and(|fault| fault.contains("audit row 2 was changed")), "{chain}");
    let (code, text) = installation.command(&["audit", "verify"]).await;
    assert!(code == 1 && text.contains("1 rows sound, then: audit row 2 was changed"), "{text}");
    assert!(text.lines().last().is_some_and(|line| line.starts_with("NOT sound")), "{text}");
    owner.execute(AssertSqlSafe(set("(SELECT purpose FROM kept)"))).await.expect("put back");
    owner.execute("DROP TABLE kept").await.expect("dropped");
    assert_eq!(verify(installation).await.0, 0);
}
