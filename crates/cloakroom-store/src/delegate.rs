//! The methods that a wrapper of a store passes on unchanged.

/// Implements the methods of `Store` that a wrapper passes on to another store.
///
/// Use it inside `impl Store for …`, with the field that holds the wrapped store. After `except`,
/// name the methods that the wrapper implements itself. All others are passed on, including those
/// that a later release adds to the trait: a wrapper without this macro would give them their
/// default implementation, which often is an error.
///
/// A wrapper that implements `load` also implements `load_latest`, which isn't passed on to the
/// wrapped store then. Its default calls the wrapper's `load`.
///
/// `delegate_store!(FIELD via METHOD)` passes the name of each call and its future to a method of
/// the wrapper, which awaits the future. Use it to measure calls, or to make some of them fail.
///
/// # Examples
/// A store that creates no sessions, and one that counts its calls:
/// ```
/// use std::future::Future;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use cloakroom_session::Timestamp;
/// use cloakroom_session::factory::StoreKey;
/// use cloakroom_store::MemoryStore;
/// use cloakroom_store::store::{Created, Entry, Store, StoreError, delegate_store};
///
/// #[derive(Debug)]
/// struct Frozen<S>(S);
///
/// impl<S: Store> Store for Frozen<S> {
///     async fn create(&self, _: &StoreKey, _: &Entry, _: Timestamp) -> Result<Created, StoreError> {
///         Err(StoreError::unavailable("maintenance"))
///     }
///
///     delegate_store!(0, except create);
/// }
///
/// #[derive(Debug)]
/// struct Counting<S> { store: S, calls: AtomicUsize }
///
/// impl<S> Counting<S> {
///     async fn count<T>(
///         &self,
///         _method: &'static str,
///         call: impl Future<Output = Result<T, StoreError>> + Send,
///     ) -> Result<T, StoreError> {
///         self.calls.fetch_add(1, Ordering::Relaxed);
///         call.await
///     }
/// }
///
/// impl<S: Store> Store for Counting<S> {
///     delegate_store!(store via count);
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StoreError> {
/// let store = Counting { store: Frozen(MemoryStore::new()), calls: AtomicUsize::new(0) };
/// let now = Timestamp::from_unix_secs(1_700_000_000);
/// assert_eq!(store.count_owned("user-42", usize::MAX, now).await?, 0);
/// assert_eq!(store.calls.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! delegate_store {
    ($store:tt $(via $via:ident)? $(, except $($own:ident)+)?) => {
        $crate::delegate_store!(@unless load {
            async fn load(
                &self,
                key: &$crate::delegated::StoreKey,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::Loaded, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, load, self.$store.load(key, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless load_latest {
            async fn load_latest(
                &self,
                key: &$crate::delegated::StoreKey,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::Loaded, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, load_latest, self.$store.load_latest(key, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless create {
            async fn create(
                &self,
                key: &$crate::delegated::StoreKey,
                entry: &$crate::delegated::Entry,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::Created, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, create, self.$store.create(key, entry, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless replace {
            async fn replace(
                &self,
                key: &$crate::delegated::StoreKey,
                seen: $crate::delegated::Version,
                entry: &$crate::delegated::Entry,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::Replaced, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, replace, self.$store.replace(key, seen, entry, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless touch {
            async fn touch(
                &self,
                key: &$crate::delegated::StoreKey,
                touched: $crate::delegated::Timestamp,
                deadline: ::std::option::Option<$crate::delegated::Timestamp>,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<bool, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, touch, self.$store.touch(key, touched, deadline, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless cycle {
            async fn cycle(
                &self,
                old: &$crate::delegated::StoreKey,
                seen: $crate::delegated::Version,
                new: &$crate::delegated::StoreKey,
                entry: &$crate::delegated::Entry,
                moved_until: $crate::delegated::Timestamp,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::Replaced, $crate::delegated::StoreError> {
                $crate::delegate_store!(
                    @call self $($via)?, cycle, self.$store.cycle(old, seen, new, entry, moved_until, now)
                )
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless end {
            async fn end(
                &self,
                key: &$crate::delegated::StoreKey,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<bool, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, end, self.$store.end(key, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless sweep {
            async fn sweep(
                &self,
                now: $crate::delegated::Timestamp,
                limit: usize,
            ) -> ::std::result::Result<usize, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, sweep, self.$store.sweep(now, limit))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless owned {
            async fn owned(
                &self,
                owner: &str,
                after: ::std::option::Option<&$crate::delegated::Cursor>,
                limit: usize,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::OwnedPage, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, owned, self.$store.owned(owner, after, limit, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless count_owned {
            async fn count_owned(
                &self,
                owner: &str,
                at_most: usize,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<usize, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, count_owned, self.$store.count_owned(owner, at_most, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless end_owned {
            async fn end_owned(
                &self,
                owner: &str,
                keep: ::std::option::Option<&$crate::delegated::StoreKey>,
                limit: usize,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::Ended, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, end_owned, self.$store.end_owned(owner, keep, limit, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless end_before {
            async fn end_before(
                &self,
                point: $crate::delegated::Timestamp,
                after: ::std::option::Option<&$crate::delegated::Cursor>,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::EndedPage, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, end_before, self.$store.end_before(point, after, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless scan {
            async fn scan(
                &self,
                after: ::std::option::Option<&$crate::delegated::Cursor>,
                limit: usize,
                now: $crate::delegated::Timestamp,
            ) -> ::std::result::Result<$crate::delegated::Page, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, scan, self.$store.scan(after, limit, now))
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless checkup {
            async fn checkup(&self) -> ::std::result::Result<$crate::delegated::Checkup, $crate::delegated::StoreError> {
                $crate::delegate_store!(@call self $($via)?, checkup, self.$store.checkup())
            }
        } $($($own)+)?);
        // These two aren't calls of the store: they aren't passed through `via`.
        $crate::delegate_store!(@unless can_cycle {
            fn can_cycle(&self, old: &$crate::delegated::StoreKey, new: &$crate::delegated::StoreKey) -> bool {
                self.$store.can_cycle(old, new)
            }
        } $($($own)+)?);
        $crate::delegate_store!(@unless feed {
            fn feed(&self) -> ::std::option::Option<$crate::delegated::Feed> {
                self.$store.feed()
            }
        } $($($own)+)?);
    };

    (@call $this:ident, $method:ident, $call:expr) => { $call.await };
    (@call $this:ident $via:ident, $method:ident, $call:expr) => { $this.$via(stringify!($method), $call).await };

    // Leaves out the methods that the wrapper implements itself: a pattern compares names only with
    // names that it spells out.
    (@unless $method:ident { $($item:tt)* }) => { $($item)* };
    (@unless load $item:tt load $($own:ident)*) => {};
    // A wrapper that changes the loaded entry, and doesn't know `load_latest`, has its default.
    (@unless load_latest $item:tt load $($own:ident)*) => {};
    (@unless load_latest $item:tt load_latest $($own:ident)*) => {};
    (@unless create $item:tt create $($own:ident)*) => {};
    (@unless replace $item:tt replace $($own:ident)*) => {};
    (@unless touch $item:tt touch $($own:ident)*) => {};
    (@unless cycle $item:tt cycle $($own:ident)*) => {};
    (@unless end $item:tt end $($own:ident)*) => {};
    (@unless sweep $item:tt sweep $($own:ident)*) => {};
    (@unless owned $item:tt owned $($own:ident)*) => {};
    (@unless count_owned $item:tt count_owned $($own:ident)*) => {};
    (@unless end_owned $item:tt end_owned $($own:ident)*) => {};
    (@unless end_before $item:tt end_before $($own:ident)*) => {};
    (@unless scan $item:tt scan $($own:ident)*) => {};
    (@unless checkup $item:tt checkup $($own:ident)*) => {};
    (@unless can_cycle $item:tt can_cycle $($own:ident)*) => {};
    (@unless feed $item:tt feed $($own:ident)*) => {};
    (@unless $method:ident $item:tt $other:ident $($own:ident)*) => {
        $crate::delegate_store!(@unless $method $item $($own)*);
    };
}

#[cfg(test)]
mod tests {
    /// A method without an arm would have its default implementation in every wrapper.
    #[test]
    fn every_method_of_the_trait_is_passed_on() {
        let (store, delegate) = (include_str!("store/contract.rs"), include_str!("delegate.rs"));
        let methods = store.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next());
        let methods: Vec<&str> = methods.collect();
        assert!(methods.len() >= 14, "{methods:?}");
        for method in methods {
            assert!(delegate.contains(&format!("(@unless {method} {{\n")), "{method}");
            assert!(delegate.contains(&format!("(@unless {method} $item:tt {method} $")), "{method}");
        }
    }
}
