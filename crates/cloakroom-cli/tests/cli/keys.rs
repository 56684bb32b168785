//! Keys, cookies, and error messages.

use std::fs;
use std::sync::Arc;

use cloakroom::adapter::{CookieHeader, SessionSlot};
use cloakroom::{CookieConfig, CookieSessions, Engine, Keyring};

use crate::common::{cloakroom, command, json, run, sqlite, with_stdin};

/// Returns the cookie of a new session.
async fn cookie(keyring: Keyring) -> String {
    let sessions = CookieSessions::encrypted(keyring).cookie(CookieConfig::default().name("__Host-s")).build().unwrap();
    let slot = SessionSlot::new(Arc::new(Engine::new(sessions)));
    slot.open(CookieHeader::default()).await.unwrap().insert("card", "hat 4711").unwrap();
    slot.finish(200).await.unwrap().cookies[0].as_str().to_owned()
}

#[tokio::test]
async fn a_keyring_is_made_and_rotated_and_no_cookie_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let file = path.to_str().unwrap();
    let keyring = || Keyring::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    let opens = |cookie: &str, code| {
        let answer = json(code, &["inspect", cookie, "--key-file", file]);
        assert!(!answer.to_string().contains("hat 4711"), "{answer}");
        answer
    };

    assert_eq!(json(0, &["keygen", file])["keys"][0]["use"], "current");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    let (code, _, err) = cloakroom(&["keygen", file]);
    assert!(code == 2 && err.contains("already exists"), "{err}");

    let first = cookie(keyring()).await;
    assert_eq!(json(0, &["keygen", file, "--next"])["keys"].as_array().unwrap().len(), 2);
    assert_eq!(cloakroom(&["keygen", file, "--next"]).0, 2, "two announced keys");
    let announced = json(0, &["keygen", file, "--previous"]);
    assert_eq!((&announced["keys"][0]["use"], &announced["keys"][1]["use"]), (&"previous".into(), &"current".into()));
    let second = cookie(keyring()).await;
    opens(&first, 0);
    opens(&second, 0);
    json(0, &["keygen", file, "--previous"]);
    assert_eq!(keyring().ids().count(), 3);
    json(0, &["keygen", file, "--forget"]);
    assert_eq!(keyring().ids().count(), 1);
    assert_eq!(opens(&first, 3)["answer"]["reason"], "unknown-key");
    assert!(!folder.path().join("keys.new").exists());
}

#[tokio::test]
async fn keys_and_cookies_come_from_the_environment_and_stdin() {
    let (code, key, _) = cloakroom(&["keygen"]);
    assert_eq!(code, 0);
    let ring = Keyring::parse(&key).unwrap();
    let id = ring.ids().next().unwrap().to_string();
    let cookie = cookie(ring).await;
    let (code, out, _) = run(command(&["inspect", &cookie]).env("CLOAKROOM_KEY", &key));
    assert!(code == 0 && out.contains("it opens") && out.contains(&id), "{out}");
    assert!(!out.contains(key.trim()), "{out}");
    let (code, out, _) = run(command(&["inspect", &cookie, "--key-env", "OURS", "--values"]).env("OURS", &key));
    assert!(code == 0 && out.contains("hat 4711"), "{out}");
    let (code, out, err) = with_stdin(&["inspect", "-"], &cookie);
    assert!(code == 0 && out.contains("no key was given") && out.contains(&id), "{out}{err}");
}

#[test]
fn errors_name_the_mistake_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let missing = sqlite(folder.path(), "missing.db");
    let files = format!("file:{}", folder.path().display());
    let key_file = folder.path().join("key");
    fs::write(&key_file, "current s3cret\n").unwrap();
    let key_file = key_file.to_str().unwrap();
    for (row, arguments, code, says) in [
        ("no such store", vec!["stats", "nosuch://u:s3cret@h/"], 2, "there is no store for `nosuch:`"),
        ("no URL", vec!["stats", "s3cret"], 2, "begins with one of"),
        ("an unreachable server", vec!["doctor", "redis://:s3cret@127.0.0.1:1/"], 1, "no connection"),
        ("a missing file", vec!["stats", &missing], 1, "doesn't exist"),
        ("a store in memory", vec!["stats", "memory:"], 2, "gone with its process"),
        ("SQLite in memory", vec!["doctor", "sqlite::memory:"], 2, "`MemoryStore`"),
        ("SQLite in memory, in the form of SQLAlchemy", vec!["stats", "sqlite:///:memory:"], 2, "`MemoryStore`"),
        ("SQLite without a path", vec!["sweep", "sqlite:"], 2, "no path"),
        ("SQLite in memory, to be tested", vec!["conform", "sqlite:file::memory:"], 2, "`MemoryStore`"),
        ("a variable that isn't set", vec!["stats", "env:CLOAKROOM_NO_SUCH"], 2, "isn't set"),
        ("a URL in a missing file", vec!["stats", "@/nonexistent"], 1, "/nonexistent"),
        ("a key that isn't one", vec!["inspect", "s1.AAAAAA", "--key-file", key_file], 1, "line 1 has no key"),
        ("a span that isn't one", vec!["sessions", "list", "sqlite:x", "--older-than", "soon"], 2, "write 90s"),
        ("the same store twice", vec!["migrate", &files, &files], 2, "the same"),
        ("no schema", vec!["schema", "redis"], 2, "sqlite, postgres, mysql and dynamodb"),
        ("no command", vec![], 2, "Usage"),
    ] {
        let (found, out, err) = cloakroom(&arguments);
        assert_eq!(found, code, "{row}: {out}{err}");
        assert!(err.contains(says), "{row}: {err}");
        assert!(!format!("{out}{err}").contains("s3cret"), "{row}: {out}{err}");
    }
    assert!(!folder.path().join("missing.db").exists(), "a mistake in a name creates no file");
}

#[test]
fn urls_come_from_the_environment_and_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let written = folder.path().join("url");
    fs::write(&written, format!("{url}\n")).unwrap();
    let (code, out, _) = run(command(&["--json", "stats", "env:OUR_STORE"]).env("OUR_STORE", &url));
    assert!(code == 0 && out.contains("\"sessions\": 0"), "{out}");
    assert_eq!(json(0, &["stats", &format!("@{}", written.display())])["sessions"], 0);
}
