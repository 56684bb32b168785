//! Encrypted and compressed records: with their keyring, with another one, and without any.

use std::path::Path;

use cloakroom::store::Store as _;
use cloakroom::{Keyring, Packing, connect, connect_packed};
use serde_json::Value;

use crate::common::{all, cloakroom, command, entries, fill, json, run, sqlite};

const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
const OTHER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn encrypted(text: &str) -> Packing {
    Packing::new().encrypt(Keyring::parse(text).unwrap())
}

fn rights_and_records(doctor: &Value) -> Vec<String> {
    let findings = doctor["findings"].as_array().unwrap().iter();
    let ours = findings.filter(|it| ["rights", "records"].contains(&it["about"].as_str().unwrap()));
    ours.map(|it| format!("{} {}", it["severity"].as_str().unwrap(), it["text"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyring_opens_records_and_its_absence_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(folder.path(), "sessions.db");
    let (key, other) = (file(folder.path(), "key", KEY), file(folder.path(), "other", OTHER));
    let keys = fill(&connect_packed(&url, encrypted(KEY)).await.unwrap(), 20).await;
    let name = keys[3].to_hex();
    let (with, without, wrong) = (["--records-key-file", &key], [""; 0], ["--records-key-file", &other]);
    let none = "encrypted, and no keyring was given: --records-key-file or --records-key-env names it";

    // list
    let list = |options: &[&str]| {
        let (code, out, err) = cloakroom(&[&["--json", "sessions", "list", &url], options].concat());
        assert_eq!(code, 0, "{err}");
        let list: Value = serde_json::from_str(&out).unwrap();
        (list["sessions"].as_array().unwrap().clone(), err)
    };
    for (options, says) in
        [(&without[..], format!("20 sessions are {none}")), (&wrong, "a key that isn't in the keyring".to_owned())]
    {
        let (sessions, err) = list(options);
        assert!(sessions.len() == 20 && err.contains(&says), "{err}");
        assert!(sessions.iter().all(|it| it["is_encrypted"] == true && it["owner"].is_null()), "{sessions:?}");
        assert!(sessions.iter().all(|it| it["created"].is_string()));
    }
    let (sessions, err) = list(&with);
    assert!(sessions.iter().all(|it| it["is_encrypted"].is_null() && it["owner"].is_string()), "{sessions:?}");
    assert_eq!(err, "");
    let (_, out, _) = cloakroom(&["sessions", "list", &url]);
    assert!(out.contains("(encrypted)") && !out.contains("p1."), "{out}");
    let (code, _, err) = cloakroom(&["sessions", "list", &url, "--owner", "user-3"]);
    assert!(code == 3 && err.contains("whose owners only the keyring finds"), "{err}");
    let (sessions, _) = list(&[&with[..], &["--owner", "user-3"]].concat());
    assert_eq!(sessions.len(), 2);

    // show
    let (code, _, err) = cloakroom(&["sessions", "show", &url, &name]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("it is encrypted, and there is no keyring: --records-key-file"), "{err}");
    let (code, _, err) = cloakroom(&[&["sessions", "show", &url, &name], &wrong[..]].concat());
    assert!(code == 1 && err.contains("which isn't in the keyring"), "{err}");
    let show = ["sessions", "show", &url, &name[..12], "--values"];
    let (code, out, err) = run(command(&show).env("CLOAKROOM_RECORDS_KEY", KEY));
    assert!(code == 0 && out.contains("secret 3") && out.contains("user-3"), "{out}{err}");
    let named = [&show[..], &["--records-key-env", "SHOP_RECORDS"]].concat();
    let (code, out, err) = run(command(&named).env("SHOP_RECORDS", KEY));
    assert!(code == 0 && out.contains("secret 3"), "{out}{err}");
    let (code, _, err) = cloakroom(&named);
    assert!(code == 2 && err.contains("SHOP_RECORDS of the environment isn't set"), "{err}");

    // stats and doctor
    for (options, locked, code, finding) in [
        (&without[..], 20, 0, "note of the first 20, 20 sessions are encrypted, and no keyring was given"),
        (&wrong, 20, 3, "problem of the first 20, 20 sessions are encrypted with a key that isn't in the keyring"),
        (&with, 0, 0, "good records are encrypted; keys that open them"),
    ] {
        let stats = json(0, &[&["stats", &url], options].concat());
        assert_eq!((&stats["sessions"], &stats["owners"], &stats["locked"]), (&20.into(), &10.into(), &locked.into()));
        let findings = rights_and_records(&json(code, &[&["doctor", &url], options].concat()));
        assert!(findings.iter().any(|it| it.starts_with(finding)), "{findings:?}");
        assert!(findings.iter().any(|it| it.starts_with("good a session was created")), "{findings:?}");
    }

    // sweep, conform and end
    // Each doctor has left the mark of a session that moved.
    assert_eq!(json(0, &["sweep", &url])["swept"], 3);
    let conform = json(0, &[&["conform", &url, "--rounds", "2"], &with[..]].concat());
    assert_eq!(conform["failed"], 0, "{conform}");
    let (code, out, err) = cloakroom(&["sessions", "end", &url, "--owner", "user-3"]);
    assert!(code == 3 && out.starts_with("0 sessions ended"), "{out}{err}");
    assert!(err.contains("whose owners only the keyring finds"), "{err}");
    assert_eq!(json(0, &[&["sessions", "end", &url, "--owner", "user-3"], &with[..]].concat())["ended"], 2);
    assert_eq!(json(0, &["sessions", "end", &url, &keys[0].to_hex()[..16]])["ended"], 1);
    assert_eq!(json(0, &["sessions", "end", &url, "--before", "0s"])["ended"], 17);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_keeps_records_encrypted_unless_it_is_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let from = sqlite(folder.path(), "from.db");
    let (key, other) = (file(folder.path(), "key", KEY), file(folder.path(), "other", OTHER));
    let source = connect_packed(&from, encrypted(KEY)).await.unwrap();
    fill(&source, 30).await;
    let expected = entries(&source).await;
    let (with, to_other) = (["--records-key-file", &key], ["--to-records-key-file", &other]);
    for (row, options, opens, is_encrypted, as_kept) in [
        ("both with one keyring", with.to_vec(), encrypted(KEY), true, 0),
        ("another keyring", [with, to_other].concat(), encrypted(OTHER), true, 0),
        ("plain", [&with[..], &["--plain-records"]].concat(), Packing::new(), false, 0),
        ("without a keyring", Vec::new(), encrypted(KEY), true, 30),
    ] {
        let to = sqlite(folder.path(), &format!("{row}.db"));
        let journal = folder.path().join(row).display().to_string();
        let arguments = [&["migrate", &from, &to, "--journal", &journal], &options[..]].concat();
        for copied in [30, 0] {
            let report = json(0, &arguments);
            assert_eq!((&report["copied"], &report["encrypted"]), (&copied.into(), &as_kept.into()), "{row}: {report}");
            assert_eq!(report["verified"]["same"], 30, "{row}: {report}");
        }
        let kept = all(&connect(&to).await.unwrap()).await;
        assert!(kept.values().all(|(_, entry)| entry.is_encrypted() == is_encrypted), "{row}");
        assert!(entries(&connect_packed(&to, opens).await.unwrap()).await == expected, "{row}");
    }

    // Compression needs the records' text.
    let to = format!("{}?compress_above=10", sqlite(folder.path(), "compressed.db"));
    let journal = folder.path().join("compressed").display().to_string();
    let (code, out, err) = cloakroom(&["migrate", &from, &to, "--journal", &journal]);
    assert!(code == 3 && out.contains("30  are encrypted at the source, don't open, and weren't copied"), "{out}{err}");
    assert!(err.contains("30 sessions are encrypted, and no keyring was given"), "{err}");
    let report = json(0, &[&["migrate", &from, &to, "--journal", &journal, "--plain-records"], &with[..]].concat());
    assert_eq!((&report["copied"], &report["locked"]), (&30.into(), &0.into()), "{report}");
    assert!(entries(&connect(&to).await.unwrap()).await == expected);

    // A store that isn't encrypted yet.
    let (plain, sealed) = (sqlite(folder.path(), "before.db"), sqlite(folder.path(), "after.db"));
    fill(&connect(&plain).await.unwrap(), 10).await;
    let journal = folder.path().join("sealed").display().to_string();
    let report = json(0, &[&["migrate", &plain, &sealed, "--journal", &journal], &to_other[..]].concat());
    assert_eq!(report["verified"]["same"], 10, "{report}");
    let now = crate::common::now();
    let page = connect(&sealed).await.unwrap().scan(None, 100, now).await.unwrap();
    assert!(page.sessions.len() == 10 && page.sessions.iter().all(|it| it.entry.is_encrypted()));
}
