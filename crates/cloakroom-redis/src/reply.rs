//! The replies of scripts about a session.

use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Replaced, StoreError};
use redis::Value;

use crate::error::{failed, unexpected};
use crate::layout::{bytes, parse_key};

/// The result codes of scripts about a session, the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Damaged = -1,
    Gone = 0,
    Done = 1,
    Conflict = 2,
    Taken = 3,
    ListFirst = 4,
    Elsewhere = 5,
}

impl Code {
    const ALL: [Self; 7] =
        [Self::Damaged, Self::Gone, Self::Done, Self::Conflict, Self::Taken, Self::ListFirst, Self::Elsewhere];

    fn of(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as i64 == number)
    }
}

/// The result of a script about a session.
#[derive(Debug)]
pub(crate) enum Said {
    /// The stored value is damaged or not a session.
    Damaged,
    /// There is no live session, or none to end.
    Gone,
    Done,
    /// The store holds a version that the caller hasn't seen.
    Conflict,
    /// A new key is taken.
    Taken,
    /// Success; the index of this owner, on another server, must be updated.
    Owner(String),
    /// Nothing was done: the session would outlive its entry in the index of this owner, on another
    /// server. Extend the entry first.
    ListFirst(String),
    /// The session has moved to a key on another server.
    Elsewhere(StoreKey),
}

/// Parses the reply of a script about a session.
pub(crate) fn said(value: Value) -> Result<Said, StoreError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "our scripts return nothing else")]
    let said = match value {
        Value::Int(number) => Code::of(number).and_then(said_alone),
        Value::Array(parts) => said_of(parts),
        _ => None,
    };
    said.ok_or_else(unexpected)
}

const fn said_alone(code: Code) -> Option<Said> {
    Some(match code {
        Code::Damaged => Said::Damaged,
        Code::Gone => Said::Gone,
        Code::Done => Said::Done,
        Code::Conflict => Said::Conflict,
        Code::Taken => Said::Taken,
        Code::ListFirst | Code::Elsewhere => return None,
    })
}

fn said_of(parts: Vec<Value>) -> Option<Said> {
    let [Value::Int(code), text] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let text = bytes(text)?;
    match Code::of(code)? {
        Code::Done => String::from_utf8(text).ok().map(Said::Owner),
        Code::ListFirst => String::from_utf8(text).ok().map(Said::ListFirst),
        Code::Elsewhere => parse_key(&text).map(Said::Elsewhere),
        Code::Damaged | Code::Gone | Code::Conflict | Code::Taken => None,
    }
}

pub(crate) fn replaced(said: &Said, version: Version) -> Result<Replaced, StoreError> {
    match said {
        Said::Gone => Ok(Replaced::Gone),
        Said::Done | Said::Owner(_) => Ok(Replaced::Yes(version)),
        Said::Conflict => Ok(Replaced::Conflict),
        Said::Taken => Err(taken()),
        Said::Damaged | Said::ListFirst(_) | Said::Elsewhere(_) => Err(unexpected()),
    }
}

/// With random ids this doesn't happen. If the generator is broken, the session must not be stored
/// over another one.
pub(crate) fn taken() -> StoreError {
    failed("the new key of a moving session is taken")
}

#[cfg(test)]
mod tests {
    use super::Code;

    /// Scripts return only the numbers in `Code`; any other would be an unexpected reply.
    #[test]
    fn scripts_return_only_known_codes() {
        let scripts = concat!(
            include_str!("lua/create.lua"),
            include_str!("lua/cycle.lua"),
            include_str!("lua/end.lua"),
            include_str!("lua/listed.lua"),
            include_str!("lua/mark.lua"),
            include_str!("lua/parts/permit.lua"),
            include_str!("lua/parts/same.lua"),
            include_str!("lua/parts/unseen.lua"),
            include_str!("lua/replace.lua"),
            include_str!("lua/replace_owned.lua"),
            include_str!("lua/touch.lua"),
        );
        let mut seen = Vec::new();
        for line in scripts.lines().filter(|line| !line.trim_start().starts_with("--")) {
            for answer in line.split("return ").skip(1).flat_map(|answer| answer.split(" or ")) {
                let answer = answer.rsplit("and ").next().unwrap_or_default().trim_start_matches(['{', ' ']);
                let end = answer.find(|sign: char| !sign.is_ascii_digit() && sign != '-').unwrap_or(answer.len());
                let (number, _) = answer.split_at(end);
                let code = number.parse().ok().and_then(Code::of);
                seen.push(code.unwrap_or_else(|| panic!("{line}")));
            }
        }
        assert!(Code::ALL.iter().all(|code| seen.contains(code)), "{seen:?}");
    }
}
