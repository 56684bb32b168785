#![doc = include_str!("../../../docs/guide/rocket.md")]
