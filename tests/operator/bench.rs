//! `causeway bench`, as short as it can be: that it ends, and what its document holds. Its figures mean nothing here.
//!
//! With few clients, because more of them do not even connect within a second on a busy machine.

use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_benchmark_tells_its_figures_as_a_document_and_proves_that_nothing_was_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(causeway_tests::binary())
        .args(["bench", "--clients", "2,8", "--rounds", "1", "--seconds", "2", "--json"])
        .current_dir(folder.path())
        .kill_on_drop(true)
        .output()
        .await
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one document");
    for key in
        ["benchmark", "version", "optimised", "machine", "servers", "method", "clients", "at_half_rate", "memory_bytes"]
    {
        assert!(!report[key].is_null(), "{key} is missing: {report}");
    }
    assert_eq!((&report["benchmark"], &report["method"]["rounds"]), (&"causeway".into(), &1.into()));
    let clients: Vec<Option<u64>> =
        report["clients"].as_array().expect("a list").iter().map(|one| one["clients"].as_u64()).collect();
    assert_eq!(clients, [Some(2), Some(8)]);
    let accepted = report["accepted"].as_u64().expect("a count");
    assert!(accepted > 0);
    for station in report["stations"].as_array().expect("stations") {
        assert_eq!(
            (station["rows"].as_u64(), station["inquiries"].as_u64()),
            (Some(accepted), Some(accepted)),
            "{station}"
        );
    }
}
