#![doc = include_str!("../../../docs/guide/poem.md")]
