#![doc = include_str!("../../../docs/guide/salvo.md")]
