//! `doctor` and `explain`: what they look at without an exchange, and how a program reads it.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::scene::{Ran, Scene, trunkline};

const FREE: &str = "127.0.0.1:0";

fn doctor(data: &Path, arguments: &[&str]) -> Ran {
    let mut command = trunkline();
    command.args(["doctor", "--listen", FREE, "--admin-listen", FREE, "--data-directory"]);
    Ran::from(command.arg(data).args(arguments).output().unwrap())
}

fn checks(ran: &Ran) -> BTreeMap<String, Value> {
    let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (line["check"].as_str().unwrap().to_owned(), line)).collect()
}

#[test]
fn doctor_looks_at_everything_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let ran = doctor(&data, &["--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let checks = checks(&ran);
    let names: Vec<_> = checks.keys().map(String::as_str).collect();
    assert_eq!(names, ["CA", "TLS port", "UDP", "admin port", "clock", "data directory"]);
    assert!(checks.values().all(|check| check["ok"] == true), "{checks:?}");
    assert!(!data.exists());
    let ran = doctor(&data, &[]);
    assert!(ran.stdout.lines().count() == 6 && ran.stdout.contains("1200 bytes reach"), "{ran:?}");
}

#[test]
fn doctor_names_what_is_wrong_and_the_fix() {
    let scene = Scene::start();
    let ca = Path::new(scene.ca());
    let data = ca.parent().unwrap();
    let port = scene.url().rsplit_once(':').unwrap().1;
    let taken = format!("127.0.0.1:{port}");
    assert!(checks(&doctor(data, &["--json"]))["CA"]["ok"] == true);

    let other = tempfile::tempdir().unwrap();
    for name in ["ca.pem", "ca-key.pem"] {
        fs::copy(data.join(name), other.path().join(name)).unwrap();
    }
    fs::remove_file(other.path().join("ca-key.pem")).unwrap();
    let mut command = trunkline();
    command.args(["--json", "doctor", "--listen", &taken, "--admin-listen", FREE]);
    let ran = Ran::from(command.arg("--data-directory").arg(other.path()).output().unwrap());
    assert_eq!(ran.code, 6, "{ran:?}");
    let checks = checks(&ran);
    let fix = |name: &str| {
        assert_eq!(checks[name]["ok"], false, "{checks:?}");
        checks[name]["fix"].as_str().unwrap()
    };
    assert!(fix("CA").contains("ca.pem and "), "{}", fix("CA"));
    assert!(fix("TLS port").contains("--listen"), "{}", fix("TLS port"));
    assert_eq!(checks["clock"]["ok"], true);
    assert!(ran.stderr.contains("2 of 6 checks failed"), "{ran:?}");
}

#[test]
fn a_code_is_explained_to_people_and_programs() {
    let explain = |arguments: &[&str]| {
        let mut command = trunkline();
        Ran::from(command.arg("explain").args(arguments).output().unwrap())
    };
    let ran = explain(&["480/10037"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in ["480/10037", "category", "ended by", "to do"] {
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
    }
    let ran = explain(&["10037", "--json"]);
    let found: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert!(found.as_array().is_some_and(|found| !found.is_empty()), "{found}");
    assert!(found.to_string().contains("10037"), "{found}");
    let unknown = format!("480/{}", "9".repeat(5));
    assert_eq!(explain(&[&unknown]).code, 5);
    assert_eq!(explain(&["nothing"]).code, 2);
}
