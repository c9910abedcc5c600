//! Who a request comes from: an app with an access key, or a user with a token.

pub(crate) mod bearer;
pub(crate) mod hmac;

use axum::http::{HeaderMap, HeaderName};

/// Returns the value of a header that must be there at most once.
///
/// With two credentials or two dates in one request, whoever checks it and whoever acts on it may
/// look at different ones.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Repeated> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Repeated);
    }
    // A value outside visible ASCII is no value of ours.
    Ok(first.and_then(|value| value.to_str().ok()))
}

/// A header came more than once.
struct Repeated;

/// Returns what follows a scheme's name, which is compared without regard to case.
fn after_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (given, credential) = value.split_at_checked(scheme.len())?;
    let credential = credential.strip_prefix(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credential.trim())
}
