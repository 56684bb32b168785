//! Help, manual pages, completions, and the printed SQL.

use crate::common::{cloakroom, json};

const COMMANDS: [&str; 10] =
    ["keygen", "inspect", "sessions", "sweep", "stats", "migrate", "schema", "doctor", "completions", "man"];

#[test]
fn every_command_is_in_the_help_the_manual_and_the_completions() {
    let (_, help, _) = cloakroom(&["--help"]);
    let (_, page, _) = cloakroom(&["man"]);
    assert!(page.starts_with(".ie") && page.contains(".TH cloakroom 1"), "{page}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, script, _) = cloakroom(&["completions", shell]);
        assert_eq!(code, 0);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    for command in COMMANDS {
        assert!(help.contains(command) && page.contains(command), "{command}");
        assert_eq!(cloakroom(&[command, "--help"]).0, 0);
    }
    assert!(help.contains("Exit codes"), "{help}");
    let (_, help, _) = cloakroom(&["migrate", "--help"]);
    assert!(help.contains("switch the application over"), "{help}");
    // A new machine has no folder `man1`.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("man/man1");
    assert_eq!(cloakroom(&["man", "--folder", folder.to_str().unwrap()]).0, 0);
    assert!(folder.join("cloakroom-sessions-list.1").exists());
}

#[test]
fn the_printed_sql_creates_the_table() {
    for (database, says) in
        [("sqlite", "STRICT"), ("postgres", "BYTEA"), ("mysql", "InnoDB"), ("mariadb://u:p@h/d", "InnoDB")]
    {
        let (code, sql, _) = cloakroom(&["schema", database]);
        assert_eq!(code, 0);
        let plain = sql.replace(['"', '`'], "");
        assert!(plain.contains("CREATE TABLE IF NOT EXISTS cloakroom_sessions") && sql.contains(says), "{sql}");
        assert!(sql.ends_with(";\n") && !sql.ends_with(";;\n"), "{sql}");
        assert_eq!(json(0, &["schema", database])["sql"], sql);
    }
}
