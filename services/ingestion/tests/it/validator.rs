//! Somebody else's opinion on our answers: for FHIR the R4B models of fhir.resources, the R4 definitions and bound codes of fhir (of npm)
//! and, for the places of faults, fhirpathpy; for the OpenAPI document and what it
//! says of our answers openapi-spec-validator and jsonschema, for HL7 v2 hl7apy and hl7, the others Python libraries.
//!
//! They know their standards, and we wrote none of them. They are taken from where modules are found, else from PyPI into a
//! folder of the tests. Deliberately not here: which answers there are (fhir, openapi, hl7_answers).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::npm;

/// A library: what PyPI calls it, and what only it has.
struct Library {
    wanted: &'static str,
    module: &'static str,
}

const FHIR: Library = Library { wanted: "fhir.resources==8.3.0", module: "fhir.resources.R4B.task" };
const OPENAPI: Library = Library { wanted: "openapi-spec-validator==0.9.0", module: "openapi_spec_validator" };

const FHIRPATH: Library = Library { wanted: "fhirpathpy==2.2.4", module: "fhirpathpy" };

const HL7APY: Library = Library { wanted: "hl7apy==1.3.5", module: "hl7apy.parser" };
const HL7: Library = Library { wanted: "hl7==0.4.5", module: "hl7" };

/// Reads one HL7 message a line, as a JSON string, and tells those that break the structure of their type and version.
const STRICT: &str = r#"
import json, sys
from hl7apy.parser import parse_message
from hl7apy.consts import VALIDATION_LEVEL
faults = 0
for line in sys.stdin:
    text = json.loads(line)
    try:
        parse_message(text, validation_level=VALIDATION_LEVEL.STRICT).validate()
    except Exception as cause:
        faults += 1
        print(text.replace("\r", "\n"), cause)
print(faults, "faults")
sys.exit(1 if faults else 0)
"#;

/// The same by a lenient reader: whether it finds an acknowledgement, and writes the same again.
const LENIENT: &str = r#"
import json, sys
import hl7
faults = 0
for line in sys.stdin:
    text = json.loads(line)
    message = hl7.parse(text)
    if str(message) != text or str(message.segment("MSA")[1]) not in ("AA", "AE", "AR", "CA", "CE", "CR"):
        faults += 1
        print(text.replace("\r", "\n"))
print(faults, "faults")
sys.exit(1 if faults else 0)
"#;

/// Reads one resource a line and tells those that are none.
const JUDGE: &str = r#"
import importlib, json, sys
faults = 0
for line in sys.stdin:
    resource = json.loads(line)
    kind = resource["resourceType"]
    model = getattr(importlib.import_module("fhir.resources.R4B." + kind.lower()), kind)
    try:
        model.model_validate(resource)
    except Exception as cause:
        faults += 1
        print(kind, cause)
print(faults, "faults")
sys.exit(1 if faults else 0)
"#;

/// The same by the definitions of R4, with the codes that elements are bound to.
const NODE_FHIR: &str = "fhir@4.12.0";
const BOUND: &str = r#"
const { Fhir } = require(process.argv[1]);
const fhir = new Fhir();
let faults = 0;
const text = require("fs").readFileSync(0, "utf8");
for (const line of text.split("\n").filter(line => line)) {
  const resource = JSON.parse(line);
  // R4 has no topics of subscriptions; R4B has, and the other judge knows them.
  if (resource.resourceType === "SubscriptionTopic") continue;
  const told = fhir.validate(resource, { errorOnUnexpected: true });
  for (const one of told.messages.filter(one => one.severity === "error" || one.severity === "fatal")) {
    faults += 1;
    console.log(resource.resourceType, one.location, one.message);
  }
}
console.log(faults, "faults");
process.exit(faults ? 1 : 0);
"#;

/// Reads an OpenAPI document, then lines of a schema's name and an instance of it, and tells those that do not agree.
const HOLD: &str = r##"
import json, sys
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
document = json.loads(sys.stdin.readline())
faults = [str(fault) for fault in OpenAPIV31SpecValidator(document).iter_errors()]
for line in sys.stdin:
    name, instance = json.loads(line)
    schema = {"$ref": "#/components/schemas/" + name, "components": document["components"]}
    formats = Draft202012Validator.FORMAT_CHECKER
    faults += [name + ": " + str(fault) for fault in Draft202012Validator(schema, format_checker=formats).iter_errors(instance)]
print("\n".join(faults), len(faults), "faults")
sys.exit(1 if faults else 0)
"##;

/// Judges FHIR resources, one a line; what is wrong with them if anything is.
pub fn judge(resources: &[String]) -> Result<(), String> {
    ask(&FHIR, JUDGE, resources)?;
    let mut node = Command::new("node");
    node.args(["-e", BOUND]).arg(npm::file(NODE_FHIR, "fhir/fhir.js"));
    run(node, resources)
}

/// Reads a resource and places of it a line, and tells the places that are no FHIRPath, or whose element above is not there.
const FIND: &str = r#"
import json, sys
from fhirpathpy import evaluate
faults = 0
for line in sys.stdin:
    resource, places = json.loads(line)
    for place in places:
        try:
            evaluate(resource, place, [])
            found = evaluate(resource, place.rsplit(".", 1)[0], [])
        except Exception as cause:
            found = []
        if not found:
            faults += 1
            print(place)
print(faults, "faults")
sys.exit(1 if faults else 0)
"#;

/// Judges whether places that are told of resources are there.
pub fn find(places: &[(serde_json::Value, Vec<String>)]) -> Result<(), String> {
    let lines: Vec<String> = places.iter().map(|one| serde_json::json!(one).to_string()).collect();
    ask(&FHIRPATH, FIND, &lines)
}

/// Judges replies in HL7 v2.
pub fn judge_replies(replies: &[String]) -> Result<(), String> {
    let lines: Vec<String> = replies.iter().map(|reply| serde_json::json!(reply).to_string()).collect();
    ask(&HL7APY, STRICT, &lines)?;
    ask(&HL7, LENIENT, &lines)
}

/// Judges an OpenAPI document, and instances by the names of its schemas.
pub fn hold(document: &serde_json::Value, instances: &[(String, serde_json::Value)]) -> Result<(), String> {
    let lines = instances.iter().map(|instance| serde_json::json!(instance).to_string());
    ask(&OPENAPI, HOLD, &std::iter::once(document.to_string()).chain(lines).collect::<Vec<_>>())
}

fn ask(library: &Library, program: &str, resources: &[String]) -> Result<(), String> {
    let mut python = python(library);
    python.args(["-c", program]);
    run(python, resources)
}

fn run(mut judge: Command, resources: &[String]) -> Result<(), String> {
    let mut child = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the judge starts");
    child.stdin.take().expect("its input").write_all(resources.join("\n").as_bytes()).expect("written");
    let done = child.wait_with_output().expect("the judge ends");
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stdout).into_owned()) }
}

/// A Python that has the library.
fn python(library: &Library) -> Command {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (name, _) = library.wanted.split_once("==").expect("a version");
    let modules = home.join(name);
    let with = |modules: Option<&PathBuf>| {
        let mut command = Command::new("python3");
        if let Some(modules) = modules {
            command.env("PYTHONPATH", modules);
        }
        command
    };
    let knows = |mut python: Command| {
        let import = format!("import {}", library.module);
        let asked = python.args(["-c", &import]).stderr(Stdio::null()).stdout(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    if knows(with(None)) {
        return with(None);
    }
    std::fs::create_dir_all(home).expect("a folder for tests");
    let lock = std::fs::File::create(home.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("the only one that installs");
    if !knows(with(Some(&modules))) {
        // What an interrupted try left would be taken for the whole.
        let _ = std::fs::remove_dir_all(&modules);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&modules).arg(library.wanted);
        let installed = pip.env("PIP_BREAK_SYSTEM_PACKAGES", "1").status().is_ok_and(|status| status.success());
        assert!(
            installed,
            "no {} for the check of answers: install python3-pip and see to a way to PyPI",
            library.wanted
        );
    }
    with(Some(&modules))
}
