//! The table of requests to the application.

use std::time::Duration;

use cloakroom_core::dbsc::{BoundLife, DeviceProof};

use crate::device::{Device, NOW, bound, offered, refresh, seconds};
use crate::refresh::refreshed;

#[test]
fn the_bound_cookie_is_required_ten_seconds_after_it_was_shown() {
    let device = Device::new(1);
    let binding = bound(&device);
    let value = binding.cookie_value(BoundLife::default()).unwrap();

    assert_eq!(offered().prove(Some(&value), NOW), (DeviceProof::NotBound, None));
    // If the answer to the registration was lost, the user isn't locked out.
    assert_eq!(binding.prove(None, NOW + seconds(86_400)), (DeviceProof::NotArmed, None));
    let (proof, shown) = binding.prove(Some(&value), NOW + seconds(60));
    assert_eq!(proof, DeviceProof::Fresh(NOW));
    let shown = shown.unwrap();
    for (later, cookie, expected) in [
        (60, None, DeviceProof::NotArmed),
        (69, None, DeviceProof::NotArmed),
        (70, None, DeviceProof::Missing),
        (70, Some(value.as_str()), DeviceProof::Fresh(NOW)),
        (599, Some(&value), DeviceProof::Fresh(NOW)),
        (600, Some(&value), DeviceProof::Missing),
    ] {
        assert_eq!(shown.prove(cookie, NOW + seconds(later)), (expected, None), "{later} {cookie:?}");
    }
    // The next refresh keeps it armed.
    let proof = device.refreshes(shown.challenge());
    let (next, _) = refreshed(refresh(&shown, Some(&proof), NOW + seconds(700)));
    assert_eq!(next.prove(None, NOW + seconds(701)).0, DeviceProof::Missing);
    let value = next.cookie_value(BoundLife::default()).unwrap();
    assert_eq!(next.prove(Some(&value), NOW + seconds(701)), (DeviceProof::Fresh(NOW + seconds(700)), None));
}

#[test]
fn no_other_value_is_accepted() {
    let life = BoundLife::default();
    let binding = bound(&Device::new(1));
    let value = binding.cookie_value(life).unwrap();
    let (end, tag) = value.split_once('.').unwrap();
    let later = end.parse::<u64>().unwrap() + 1;
    for wrong in [
        String::new(),
        end.to_owned(),
        format!("{end}."),
        format!(".{tag}"),
        format!("{later}.{tag}"),
        format!("+{value}"),
        format!("{value}A"),
        format!("{}.{tag}", u64::MAX),
    ] {
        assert_eq!(binding.prove(Some(&wrong), NOW).0, DeviceProof::NotArmed, "{wrong}");
    }
    for at in 0..value.len() {
        let mut changed = value.clone().into_bytes();
        changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(binding.prove(Some(&changed), NOW).0, DeviceProof::NotArmed, "{changed}");
    }
}

#[test]
fn a_life_is_well_above_two_minutes() {
    assert_eq!(BoundLife::default().get(), Duration::from_secs(600));
    for (seconds, is_right) in [(0, false), (120, false), (179, false), (180, true), (86_400, true), (86_401, false)] {
        assert_eq!(BoundLife::new(Duration::from_secs(seconds)).is_ok(), is_right, "{seconds}");
    }
}
