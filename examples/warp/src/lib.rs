#![doc = include_str!("../../../docs/guide/warp.md")]
