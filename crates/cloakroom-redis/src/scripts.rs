//! The scripts and their hashes.

use std::sync::LazyLock;

/// A script, and the hash by which Redis knows it once it has been sent.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: &'static str,
    pub(crate) hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// Returns whether the script can be told (`ARGV 3`) to write even if there is nothing to do,
    /// because a confirmation refers to the last write.
    pub(crate) fn fences(&self) -> bool {
        std::ptr::eq(self, &*END) || std::ptr::eq(self, &*END_OWNED)
    }
}

macro_rules! scripts {
    ($($name:ident: $($part:literal)+;)+) => {$(
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!(concat!("lua/", $part, ".lua"))),+)));
    )+};
}

// Functions are created anew with every call, so a script contains only those that it uses.
scripts! {
    CREATE: "parts/look" "parts/calls" "parts/list" "parts/list_here" "parts/unlist" "parts/set" "parts/put" "create";
    REPLACE: "parts/look" "parts/calls" "parts/unlist" "parts/set" "parts/keep" "parts/permit" "parts/same" "parts/unseen" "replace";
    REPLACE_OWNED: "parts/look" "parts/calls" "parts/list" "parts/list_here" "parts/unlist" "parts/set" "parts/keep" "parts/cover" "parts/permit" "parts/same" "parts/unseen" "replace_owned";
    TOUCH: "parts/look" "parts/list" "parts/list_here" "parts/cover" "parts/rewrite" "touch";
    CYCLE: "parts/look" "parts/calls" "parts/list" "parts/list_here" "parts/unlist" "parts/set" "parts/put" "parts/mark" "parts/permit" "cycle";
    END: "parts/look" "parts/unlist" "end";
    OWNED: "parts/look" "parts/members" "owned";
    COUNT: "parts/look" "count";
    END_OWNED: "parts/look" "end_owned";
    MEMBERS: "parts/members" "members";
    END_BEFORE: "parts/look" "parts/unlist" "parts/run" "end_before";
    MARK: "parts/look" "parts/calls" "parts/unlist" "parts/set" "parts/mark" "parts/permit" "parts/unseen" "mark";
    LIST: "parts/list" "list";
    LISTED: "parts/look" "parts/rewrite" "listed";
    SCAN: "parts/look" "parts/run" "scan";
}
