//! The header names that the adapters use in most requests.

/// Defines the lookup of a constant for a frequently used name, with the names `header` and
/// `HeaderName` of a version of `http`. Parsing a name costs more than this lookup.
macro_rules! standard_names {
    () => {
        /// Returns the constant for a frequently used name.
        fn standard(name: &str) -> Option<HeaderName> {
            const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
            const PURPOSE: HeaderName = HeaderName::from_static("purpose");
            const X_PURPOSE: HeaderName = HeaderName::from_static("x-purpose");
            const X_MOZ: HeaderName = HeaderName::from_static("x-moz");
            const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
            const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

            match name {
                "cookie" => Some(header::COOKIE),
                "set-cookie" => Some(header::SET_COOKIE),
                "vary" => Some(header::VARY),
                "cache-control" => Some(header::CACHE_CONTROL),
                "origin" => Some(header::ORIGIN),
                "host" => Some(header::HOST),
                "upgrade" => Some(header::UPGRADE),
                "sec-purpose" => Some(SEC_PURPOSE),
                "purpose" => Some(PURPOSE),
                "x-purpose" => Some(X_PURPOSE),
                "x-moz" => Some(X_MOZ),
                "sec-fetch-dest" => Some(SEC_FETCH_DEST),
                "sec-fetch-site" => Some(SEC_FETCH_SITE),
                _ => None,
            }
        }
    };
}

pub(crate) use standard_names;
