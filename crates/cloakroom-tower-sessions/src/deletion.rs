//! The meaning of a deletion, which depends on the calls after it.
//!
//! `flush` and `cycle_id` of tower-sessions both delete the record. They differ in the id of the
//! record that is created afterwards: `cycle_id` gives the record a new id before it deletes the
//! old one, and `flush` doesn't.

/// The deletions of a request that haven't been carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Deletion {
    #[default]
    None,
    /// The record with this id was deleted.
    Of(i128),
    /// A record was deleted, and the call wasn't `cycle_id`.
    Certain,
}

/// The operation that a deletion stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Nothing,
    Cycle,
    End,
}

impl Deletion {
    /// Records a deletion.
    pub(crate) fn note(&mut self, id: i128) {
        *self = match *self {
            Self::None => Self::Of(id),
            // After `cycle_id` the record has another id, so one of the calls was another one.
            Self::Of(first) if first == id => Self::Certain,
            // `cycle_id` twice: the first id is the one that counts.
            kept @ (Self::Of(_) | Self::Certain) => kept,
        };
    }

    /// Notes that the foreign session loads its record, which it doesn't after `cycle_id` or
    /// `flush`. A deletion before was `delete`. Returns `true` if there was one.
    pub(crate) fn note_load(&mut self) -> bool {
        if self.is_pending() {
            *self = Self::Certain;
        }
        self.is_pending()
    }

    fn is_pending(self) -> bool {
        self != Self::None
    }

    /// Returns the meaning if a record with this id is created next.
    pub(crate) fn before_creating(self, id: i128) -> Meaning {
        match self {
            Self::None => Meaning::Nothing,
            Self::Of(deleted) if deleted != id => Meaning::Cycle,
            Self::Of(_) | Self::Certain => Meaning::End,
        }
    }

    /// Returns the meaning if no record is created afterwards.
    pub(crate) fn alone(self) -> Meaning {
        if self.is_pending() { Meaning::End } else { Meaning::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_loaded_after_its_deletion_has_ended() {
        let mut deletion = Deletion::default();
        assert!(!deletion.note_load());
        deletion.note(1);
        assert!(deletion.note_load());
        assert_eq!(deletion.before_creating(2), Meaning::End);
    }

    #[test]
    fn flush_and_cycle_id_are_told_apart() {
        #[rustfmt::skip] // one row, one line
        let rows: &[(&str, &[i128], Option<i128>, Meaning)] = &[
            ("nothing deleted, then created", &[], Some(1), Meaning::Nothing),
            ("nothing deleted", &[], None, Meaning::Nothing),
            ("cycle_id", &[1], Some(2), Meaning::Cycle),
            ("cycle_id twice", &[1, 2], Some(3), Meaning::Cycle),
            ("cycle_id, then flush", &[1], None, Meaning::End),
            ("flush", &[1], None, Meaning::End),
            ("flush, then an insertion", &[1], Some(1), Meaning::End),
            ("flush, then cycle_id and an insertion", &[1, 1], Some(2), Meaning::End),
            ("delete, then cycle_id", &[1, 1], Some(2), Meaning::End),
            ("delete, then flush", &[1, 1], None, Meaning::End),
        ];
        for (name, deleted, created, meaning) in rows {
            let mut deletion = Deletion::default();
            deleted.iter().for_each(|id| deletion.note(*id));
            let found = created.map_or_else(|| deletion.alone(), |id| deletion.before_creating(id));
            assert_eq!(found, *meaning, "{name}");
        }
    }
}
