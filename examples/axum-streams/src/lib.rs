#![doc = include_str!("../../../docs/guide/streams.md")]
