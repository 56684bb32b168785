//! Cookie values from arbitrary text. Unsealing never panics, and nothing opens that wasn't sealed
//! with this key.
#![no_main]

use std::sync::LazyLock;

use cloakroom_core::{Key, Keyring, Seal, Sealer};
use libfuzzer_sys::fuzz_target;

static SEALERS: LazyLock<[Sealer; 2]> = LazyLock::new(|| {
    let keyring = Keyring::new(Key::new(b"a secret that the fuzzer doesn't know").expect("long enough"));
    [Seal::Signed, Seal::Encrypted].map(|seal| Sealer::new(seal, &keyring, "session").expect("a valid keyring"))
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for sealer in SEALERS.iter() {
        // The fuzzer doesn't know the key, so a value that opens would be forged.
        assert!(sealer.unseal(text).is_err());
        let sealed = sealer.seal(text, [7; 12]).expect("it is short");
        assert_eq!(sealed.len(), sealer.format().sealed_len(text.len()));
        assert_eq!(sealer.unseal(&sealed).as_deref(), Ok(text));
    }
});
