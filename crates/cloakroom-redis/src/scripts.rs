//! The scripts and their hashes.

use std::sync::LazyLock;

/// A script, and the hash by which Redis knows it once it has seen it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    pub(crate) hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }
}

macro_rules! scripts {
    ($($name:ident: $file:literal)+) => {$(
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("lua/prelude.lua"), include_str!($file))));
    )+};
}

scripts! {
    CREATE: "lua/create.lua"
    REPLACE: "lua/replace.lua"
    TOUCH: "lua/touch.lua"
    CYCLE: "lua/cycle.lua"
    END: "lua/end.lua"
    OWNED: "lua/owned.lua"
    END_BEFORE: "lua/end_before.lua"
    MARK: "lua/mark.lua"
    LIST: "lua/list.lua"
    LISTED: "lua/listed.lua"
    SCAN: "lua/scan.lua"
}
