use crate::sequences::compare;
use crate::side::Side;
use crate::turns::{Abilities, Turns};
use cloakroom_servers::Foreign;

#[test]
fn self_check() {
    let all = Abilities { queues: true, any_message: true, lifetime: Some((1200.0, 1201.5)), ends_for_good: false };
    Turns::between("pyramid with itself", Side::theirs(Foreign::pyramid(&[])), Side::theirs(Foreign::pyramid(&[])))
        .all(all);
}
#[test]
fn seq() {
    compare(&mut Side::theirs(Foreign::pyramid(&[])), &mut Side::theirs(Foreign::pyramid(&[])), 2000);
}
