//! The text form in a record.

use cloakroom_core::dbsc::{Binding, BoundLife};

use crate::device::{Device, NOW, bound, offered, refresh, seconds};
use crate::refresh::refreshed;

#[test]
fn a_binding_is_read_as_it_was_written() {
    let device = Device::new(1);
    let binding = bound(&device);
    let value = binding.cookie_value(BoundLife::default()).unwrap();
    let shown = binding.prove(Some(&value), NOW + seconds(1)).1.unwrap();
    let proof = device.refreshes(shown.challenge());
    let (refreshed, _) = refreshed(refresh(&shown, Some(&proof), NOW + seconds(5)));
    for (binding, length) in [(offered(), 71), (binding, 236), (shown, 248), (refreshed, 291)] {
        let text = binding.encode();
        assert_eq!(Binding::decode(&text), Some(binding));
        assert_eq!(text.len(), length, "{text}");
        assert!(text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it)), "{text}");
    }
}

#[test]
fn other_texts_are_none() {
    let text = bound(&Device::new(1)).encode();
    for end in 0..text.len() {
        // Digits of the last time may be missing, which no text form can notice.
        let cut = text.get(..end).unwrap();
        assert!(Binding::decode(cut).is_none_or(|binding| binding.bound_at().is_none()), "{cut}");
    }
    for wrong in ["", "1", &format!("2{}", text.get(1..).unwrap()), &format!("{text}.1"), &text.replace("-.-", "-.1")] {
        assert_eq!(Binding::decode(wrong), None, "{wrong}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let binding = bound(&Device::new(1));
    let text = binding.encode();
    let shown = format!("{binding:?}");
    for part in text.split('.').filter(|part| part.len() > 30) {
        assert!(!shown.contains(part), "{part} in {shown}");
    }
    assert!(!format!("{:?}", binding.challenge()).contains(&binding.challenge().expose()));
}
