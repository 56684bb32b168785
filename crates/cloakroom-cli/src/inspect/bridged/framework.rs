//! The frameworks, and their ways of sealing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use cloakroom::ConfigError;
use cloakroom::bridge::{
    ActixSessionCookie, ActixSessionRecord, BeakerCipher, BeakerCookie, CookieFormat, DjangoCookie, DjangoRecord,
    ExpressCookie, ExpressRecord, FlaskCookie, FlaskSessionRecord, PlugCookie, PyramidCookie, PyramidNaclCookie,
    RailsCookie, RailsDigest, RecordFormat, StarletteCookie, TowerSessionsRecord,
};
use cloakroom::factory::{CookieOrder, Rejected};

use super::seal::{Seal, seal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::inspect) enum Framework {
    /// `SignedCookieSessionFactory` of Pyramid 2
    Pyramid,
    /// `pyramid_nacl_session`
    PyramidNacl,
    /// Beaker's cookie sessions, signed or also encrypted; encrypted ones need --encrypt-key-file
    /// or --encrypt-key-env
    Beaker,
    Flask,
    /// The id of Flask-Session with `SESSION_USE_SIGNER`; the session is in its store
    FlaskSession,
    /// `signed_cookies` of Django, or the column `session_data` of its table
    Django,
    /// The id of Express' `express-session`; the session is in its store
    ExpressSession,
    /// `cookie-session` of Express, whose signature is in a second cookie: pass both, as in the
    /// `Cookie` header
    CookieSession,
    /// Rails, encrypted or signed
    Rails,
    /// Plug and Phoenix, signed or encrypted; needs --salt
    Plug,
    /// `SessionMiddleware` of Starlette and FastAPI
    Starlette,
    /// The signed or private id of tower-sessions; the session is in its store. The secret is the
    /// `Key`: 64 bytes, or their hexadecimal or base64 digits
    TowerSessions,
    /// actix-session, signed or private: the session, or the key of a session in Redis. The secret
    /// is the `Key`: 64 bytes, or their hexadecimal or base64 digits
    ActixSession,
}

/// A framework, and the given part of its configuration.
pub(in crate::inspect) struct Other {
    pub(in crate::inspect) framework: Framework,
    pub(in crate::inspect) secret: Option<String>,
    pub(in crate::inspect) encrypt_key: Option<String>,
    pub(in crate::inspect) salt: Option<String>,
}

/// One way of sealing that a framework may use. If the way depends on its configuration, all are
/// tried.
pub(super) struct Way {
    pub(super) algorithm: &'static str,
    pub(super) reader: Reader,
}

/// The contents of the cookie.
pub(super) enum Reader {
    Session(Box<dyn CookieFormat>),
    Id(Box<dyn RecordFormat>),
    /// The text of a record, from the framework's store.
    Record(Box<dyn RecordFormat>),
}

impl Way {
    fn session(algorithm: &'static str, format: impl CookieFormat) -> Self {
        Self { algorithm, reader: Reader::Session(Box::new(format)) }
    }

    fn record(algorithm: &'static str, format: impl RecordFormat) -> Self {
        Self { algorithm, reader: Reader::Record(Box::new(format)) }
    }

    fn id(algorithm: &'static str, format: impl RecordFormat) -> Self {
        Self { algorithm, reader: Reader::Id(Box::new(format)) }
    }
}

impl Framework {
    /// Returns the framework's default cookie name.
    pub(in crate::inspect) const fn cookie_name(self) -> &'static str {
        match self {
            Self::Pyramid
            | Self::PyramidNacl
            | Self::Flask
            | Self::FlaskSession
            | Self::CookieSession
            | Self::Starlette => "session",
            Self::Beaker => "beaker.session.id",
            Self::Django => "sessionid",
            Self::ExpressSession => "connect.sid",
            Self::Rails => "_session",
            Self::Plug => "_key",
            Self::TowerSessions | Self::ActixSession => "id",
        }
    }

    /// Returns which of several cookies counts. A test compares it with the formats.
    pub(in crate::inspect) const fn order(self) -> CookieOrder {
        match self {
            Self::Pyramid | Self::PyramidNacl | Self::Beaker | Self::Django | Self::Starlette | Self::TowerSessions => {
                CookieOrder::LastFirst
            }
            Self::Flask
            | Self::FlaskSession
            | Self::ExpressSession
            | Self::CookieSession
            | Self::Rails
            | Self::Plug
            | Self::ActixSession => CookieOrder::FirstFirst,
        }
    }

    /// Describes a cookie with this value.
    pub(super) fn says(self, value: &str) -> &'static str {
        match (self, seal(value)) {
            (Self::Pyramid, _) => "a signed cookie of Pyramid",
            (Self::PyramidNacl, _) => "a cookie of pyramid_nacl_session",
            (Self::Beaker, _) => "a cookie of Beaker",
            (Self::Flask, _) => "a cookie of Flask",
            (Self::FlaskSession, _) => "the signed id of a session of Flask-Session",
            (Self::Django, _) => "a signed cookie of Django",
            (Self::ExpressSession, _) => "the signed id of a session of express-session",
            (Self::CookieSession, _) => "a cookie of cookie-session",
            (Self::Rails, Some(Seal::RailsEncrypted)) => "an encrypted cookie of Rails",
            (Self::Rails, Some(Seal::RailsSigned)) => "a signed cookie of Rails",
            (Self::Rails, _) => "a cookie of Rails",
            (Self::Plug, Some(Seal::PlugEncrypted | Seal::PlugBefore2)) => "an encrypted cookie of Plug",
            (Self::Plug, Some(Seal::PlugSigned)) => "a signed cookie of Plug",
            (Self::Plug, _) => "a cookie of Plug",
            (Self::Starlette, _) => "a cookie of Starlette",
            (Self::TowerSessions, _) => "the id of a session of tower-sessions",
            (Self::ActixSession, _) => "a cookie of actix-session",
        }
    }

    /// Returns the ways in which the framework may have sealed this value.
    pub(super) fn ways(self, value: &str, secret: &str, other: &Other) -> Result<Vec<Way>, ConfigError> {
        let one = |way| Ok(vec![way]);
        if other.encrypt_key.is_some() && self != Self::Beaker {
            return Err(ConfigError::new("encrypt_key", "is for beaker"));
        }
        match (self, other.salt.as_deref()) {
            (Self::Pyramid, salt) => {
                let builder = PyramidCookie::new(secret);
                let builder = if let Some(salt) = salt { builder.salt(salt) } else { builder };
                one(Way::session("HMAC-SHA512", builder.build()?))
            }
            (Self::Flask, salt) => {
                let builder = FlaskCookie::new(secret);
                let builder = if let Some(salt) = salt { builder.salt(salt) } else { builder };
                one(Way::session("HMAC-SHA1", builder.build()?))
            }
            (Self::Plug, Some(salt)) => one(match seal(value) {
                Some(Seal::PlugEncrypted | Seal::PlugBefore2) => {
                    Way::session("XChaCha20-Poly1305", PlugCookie::encrypted(secret, salt).build()?)
                }
                _ => Way::session("HMAC-SHA256", PlugCookie::signed(secret, salt).build()?),
            }),
            (Self::Plug, None) => {
                Err(ConfigError::new("salt", "is needed: Plug's signing_salt, or encryption_salt if it is encrypted"))
            }
            (_, Some(_)) => Err(ConfigError::new("salt", "is for pyramid, flask and plug")),
            // pyramid_nacl_session's configuration contains 32 bytes in hexadecimal.
            (Self::PyramidNacl, None) => {
                one(Way::session("XSalsa20-Poly1305", PyramidNaclCookie::new(unhex(secret).unwrap_or_default())?))
            }
            (Self::Beaker, None) => beaker(secret, other.encrypt_key.as_deref()),
            (Self::Django, None) => Ok(vec![
                Way::session("HMAC-SHA256", DjangoCookie::new(secret).build()?),
                Way::record("HMAC-SHA256, of the table", DjangoRecord::new(secret)?),
            ]),
            (Self::FlaskSession, None) => {
                one(Way::id("HMAC-SHA1", FlaskSessionRecord::builder().signed(secret).build()?))
            }
            (Self::ExpressSession, None) => one(Way::id("HMAC-SHA256", ExpressRecord::new(secret).build()?)),
            (Self::CookieSession, None) => one(Way::session("HMAC-SHA1", ExpressCookie::new(secret).build()?)),
            (Self::Starlette, None) => one(Way::session("HMAC-SHA1", StarletteCookie::new(secret).build()?)),
            (Self::Rails, None) => rails(value, secret),
            (Self::TowerSessions, None) => tower_sessions(secret),
            (Self::ActixSession, None) => actix_session(secret),
        }
    }

    /// Returns the advice for a reason if it differs from the advice for Cloakroom's own cookies.
    pub(super) fn hint(self, why: Rejected, value: &str) -> Option<&'static str> {
        Some(match (self, why) {
            (Self::Django, Rejected::Forged | Rejected::Malformed) if matches!(seal(value), Some(Seal::DjangoSha1)) => {
                "it was signed with SHA-1, by Django before 3.1 or with DEFAULT_HASHING_ALGORITHM = 'sha1': such sessions aren't supported"
            }
            (Self::Starlette, Rejected::Malformed) => "it was cut short, changed in transit, or signed without a time",
            (Self::ExpressSession, Rejected::Forged) => {
                "it was changed in transit, or signed with another secret: if `secret` is a list, try each of them"
            }
            (Self::CookieSession, Rejected::Forged) => {
                "it was changed in transit, signed for another cookie name (pass --name), or signed with another key: if `keys` has several, \
                 try each of them"
            }
            (Self::Beaker, Rejected::Corrupt) => {
                "its signature is good, but its content is damaged, encrypted with another encrypt_key, or encrypted and no key was given \
                 (--encrypt-key-file, --encrypt-key-env)"
            }
            (Self::Rails, Rejected::Forged) => {
                "it was changed in transit, or sealed with another secret_key_base; keys derived with SHA-256 (Rails 7.0 and newer) and SHA-1 (before) \
                 were tried"
            }
            (Self::Rails, Rejected::UnknownFormat) => {
                "the secret is right, but the cookie was encrypted with AES-256-CBC, which isn't supported: by Rails before 5.2, or with \
                 use_authenticated_cookie_encryption = false; with true, Rails reseals such cookies when it reads them"
            }
            (Self::Plug, Rejected::Forged) => {
                "it was changed in transit, or sealed with another secret_key_base or another salt; for an encrypted cookie the salt is encryption_salt"
            }
            (Self::Plug, Rejected::UnknownFormat) => {
                "it begins with neither `SFMyNTY.` (signed) nor `XCP.` (encrypted by plug_crypto 2 or newer); older versions write `QTEyOEdDTQ.`, which \
                 isn't supported"
            }
            (Self::Django, Rejected::UnknownFormat) => {
                "its date of expiry has no time zone, as with USE_TZ = False, so its end can't be known"
            }
            (Self::TowerSessions | Self::ActixSession, Rejected::Forged | Rejected::Malformed) => {
                "it was changed in transit, or sealed with another key; the cookie's name is a part of a private cookie: pass --name if it isn't id"
            }
            (_, Rejected::Forged) => {
                "it was changed in transit, or made with another secret, another salt or another algorithm"
            }
            _ => return None,
        })
    }
}

/// Returns Rails' ways of sealing: the hashes for key derivation and signatures depend on its
/// version and configuration.
fn rails(value: &str, secret: &str) -> Result<Vec<Way>, ConfigError> {
    use RailsDigest::{Sha1, Sha256};
    if seal(value) == Some(Seal::RailsSigned) {
        let signed = |algorithm, digest, signature| {
            let format = RailsCookie::signed(secret).digest(digest).signature(signature);
            Ok(Way::session(algorithm, format.build()?))
        };
        return [
            ("HMAC-SHA1, the key derived with SHA-256", Sha256, Sha1),
            ("HMAC-SHA256, the key derived with SHA-256", Sha256, Sha256),
            ("HMAC-SHA1, the key derived with SHA-1", Sha1, Sha1),
            ("HMAC-SHA256, the key derived with SHA-1", Sha1, Sha256),
        ]
        .map(|(algorithm, digest, signature)| signed(algorithm, digest, signature))
        .into_iter()
        .collect();
    }
    let encrypted =
        |algorithm, digest| Ok(Way::session(algorithm, RailsCookie::encrypted(secret).digest(digest).build()?));
    [("AES-256-GCM, the key derived with SHA-256", Sha256), ("AES-256-GCM, the key derived with SHA-1", Sha1)]
        .map(|(algorithm, digest)| encrypted(algorithm, digest))
        .into_iter()
        .collect()
}

/// Returns the keys that a text may stand for: its bytes, or the bytes that its digits encode.
fn keys(secret: &str) -> Vec<Vec<u8>> {
    const LENGTH: usize = 64;
    let spelled = [Some(secret.as_bytes().to_vec()), unhex(secret), STANDARD.decode(secret).ok()];
    let mut keys: Vec<_> = spelled.into_iter().flatten().filter(|key| key.len() >= LENGTH).collect();
    if keys.is_empty() {
        // The format explains the length that it needs.
        keys.push(secret.as_bytes().to_vec());
    }
    keys
}

/// Returns the ways of tower-sessions to seal an id. A plain one has no seal to check.
fn tower_sessions(secret: &str) -> Result<Vec<Way>, ConfigError> {
    let mut ways = Vec::new();
    for key in keys(secret) {
        ways.push(Way::id("HMAC-SHA256", TowerSessionsRecord::signed(key.clone())?));
        ways.push(Way::id("AES-256-GCM", TowerSessionsRecord::private(key)?));
    }
    Ok(ways)
}

/// Returns the ways of actix-session to seal a session, or the key of one.
fn actix_session(secret: &str) -> Result<Vec<Way>, ConfigError> {
    let mut ways = Vec::new();
    for key in keys(secret) {
        ways.push(Way::session("HMAC-SHA256", ActixSessionCookie::signed(key.clone())?));
        ways.push(Way::session("AES-256-GCM", ActixSessionCookie::private(key.clone())?));
        ways.push(Way::id("HMAC-SHA256, of a record", ActixSessionRecord::signed(key.clone())?));
        ways.push(Way::id("AES-256-GCM, of a record", ActixSessionRecord::private(key)?));
    }
    Ok(ways)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<u32>>>()?;
    digits.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok()).collect()
}

/// Returns Beaker's ways of sealing: its configuration names an encryption library, which
/// determines the cipher, and Beaker 1.8 changed the length of the nonce.
fn beaker(validate_key: &str, encrypt_key: Option<&str>) -> Result<Vec<Way>, ConfigError> {
    let Some(encrypt_key) = encrypt_key else {
        return Ok(vec![Way::session("HMAC-SHA1", BeakerCookie::new(validate_key).build()?)]);
    };
    let mut ways = Vec::new();
    for (algorithm, cipher) in
        [("HMAC-SHA1, AES-256-GCM", BeakerCipher::AesGcm), ("HMAC-SHA1, AES-256-CTR", BeakerCipher::AesCtr)]
    {
        for bits in [128, 48] {
            let format = BeakerCookie::new(validate_key).encrypt_key(encrypt_key, cipher).nonce_bits(bits);
            ways.push(Way::session(algorithm, format.build()?));
        }
    }
    Ok(ways)
}
