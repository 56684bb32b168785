//! The reasons for refusing registrations and refreshes.

/// The reason for refusing a request to an endpoint. The response is 400, and nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedProof {
    /// No binding was offered in this session.
    NotOffered,
    /// The session is bound already.
    AlreadyBound,
    /// The offer is older than five minutes.
    OfferExpired,
    /// The request doesn't come from the same origin, or doesn't say so.
    OtherSite,
    /// The request has a body.
    Body,
    /// The identifier is missing, in a registration it is there, or the header is unusable.
    Identifier,
    /// There is no proof, or it isn't a JSON Web Token of at most 4 KiB.
    Malformed,
    /// `typ` isn't `dbsc+jwt`.
    WrongType,
    /// `alg` is `none` or another algorithm that this build doesn't offer, or it isn't the key's.
    WrongAlgorithm,
    /// The key isn't a point of P-256 or an RSA key of 2,048 to 4,096 bits with exponent 65,537, it
    /// is missing in a registration, or is there in a refresh.
    WrongKey,
    /// The signature isn't by the device's key.
    Forged,
    /// The proof of a registration signs another challenge than the offer's.
    WrongChallenge,
}

impl RefusedProof {
    /// Returns a short name, for metrics and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotOffered => "not-offered",
            Self::AlreadyBound => "already-bound",
            Self::OfferExpired => "offer-expired",
            Self::OtherSite => "other-site",
            Self::Body => "body",
            Self::Identifier => "identifier",
            Self::Malformed => "malformed",
            Self::WrongType => "wrong-type",
            Self::WrongAlgorithm => "wrong-algorithm",
            Self::WrongKey => "wrong-key",
            Self::Forged => "forged",
            Self::WrongChallenge => "wrong-challenge",
        }
    }
}
