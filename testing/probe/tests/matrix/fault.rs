//! The faults, and the reasons why some stores cannot have them.

use crate::cell::{Bench, Cell};
use crate::stores::{Family, Kind};
use crate::{answers, busy, outage, rights, time, wires};

/// The faults, in the order in which each store is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Killed,
    Frozen,
    SilentWire,
    CutWires,
    IdleClosed,
    LockedRow,
    TooManyConnections,
    Forgotten,
    AnswerLost,
    ClientLeft,
    TimeGoesBack,
    ClockSkew,
    StatementLimit,
    HugeOwner,
    FullStore,
    ReadOnly,
}

impl Fault {
    pub(crate) const ALL: [Self; 16] = [
        Self::Killed,
        Self::Frozen,
        Self::SilentWire,
        Self::CutWires,
        Self::IdleClosed,
        Self::LockedRow,
        Self::TooManyConnections,
        Self::Forgotten,
        Self::AnswerLost,
        Self::ClientLeft,
        Self::TimeGoesBack,
        Self::ClockSkew,
        Self::StatementLimit,
        Self::HugeOwner,
        Self::FullStore,
        Self::ReadOnly,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
            Self::SilentWire => "silent-wire",
            Self::CutWires => "cut-wires",
            Self::IdleClosed => "idle-closed",
            Self::LockedRow => "locked-row",
            Self::TooManyConnections => "too-many",
            Self::Forgotten => "forgotten",
            Self::AnswerLost => "answer-lost",
            Self::ClientLeft => "client-left",
            Self::TimeGoesBack => "time-back",
            Self::ClockSkew => "clock-skew",
            Self::StatementLimit => "limit",
            Self::HugeOwner => "huge-owner",
            Self::FullStore => "full",
            Self::ReadOnly => "read-only",
        }
    }

    /// The reason why this store cannot have this fault, if there is one.
    pub(crate) const fn senseless(self, kind: Kind) -> Option<&'static str> {
        let embedded = kind.is_embedded();
        let (senseless, why) = match self {
            Self::Killed => (embedded, "no server; `tests/faults/killed.rs` kills the application"),
            Self::Frozen => (embedded, "no server"),
            Self::SilentWire | Self::CutWires | Self::IdleClosed => (embedded, "no network"),
            Self::LockedRow => match kind.family() {
                Family::Embedded => {
                    (!matches!(kind, Kind::Sqlite), "a lock is held for one write, and released with its process")
                }
                Family::Redis => (true, "one command at a time: nothing can be locked"),
                Family::Postgres | Family::MariaDb => (false, ""),
            },
            Self::TooManyConnections => (embedded, "no connections"),
            Self::Forgotten => (embedded, "nothing is prepared on a server"),
            Self::TimeGoesBack => (matches!(kind, Kind::Memory), "its sessions end with the process"),
            Self::StatementLimit => (embedded || kind.is_redis(), "no statements that are limited"),
            Self::HugeOwner => (matches!(kind, Kind::File), "no index of owners"),
            Self::ReadOnly => (embedded, "no users; the file system decides when it is opened"),
            Self::AnswerLost | Self::ClientLeft | Self::ClockSkew | Self::FullStore => (false, ""),
        };
        if senseless { Some(why) } else { None }
    }

    pub(crate) async fn run(self, bench: &mut Bench) -> Cell {
        match self {
            Self::Killed => outage::killed(bench).await,
            Self::Frozen => outage::frozen(bench).await,
            Self::SilentWire => wires::silent(bench).await,
            Self::CutWires => wires::cut(bench).await,
            Self::IdleClosed => wires::idle_closed(bench).await,
            Self::LockedRow => busy::locked_row(bench).await,
            Self::TooManyConnections => busy::too_many(bench).await,
            Self::Forgotten => busy::forgotten(bench).await,
            Self::AnswerLost => answers::lost(bench).await,
            Self::ClientLeft => answers::client_left(bench).await,
            Self::TimeGoesBack => time::goes_back(bench).await,
            Self::ClockSkew => time::skewed(bench).await,
            Self::StatementLimit => busy::statement_limit(bench).await,
            Self::HugeOwner => busy::huge_owner(bench).await,
            Self::FullStore => rights::full(bench).await,
            Self::ReadOnly => rights::read_only(bench).await,
        }
    }
}
