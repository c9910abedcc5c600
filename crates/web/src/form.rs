//! Names and values as forms and queries write them (`application/x-www-form-urlencoded`).

/// Names with their values, in the order of the text.
pub(crate) struct Form(Vec<(String, String)>);

/// A field is missing, empty, or there twice: then it means two things.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotOne;

impl Form {
    /// Reads a body or a query; `None` where an escape is broken or the text is not UTF-8.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        });
        pairs.collect::<Option<_>>().map(Self)
    }

    /// Says whether a field is there, with a value or without.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// Returns the one value of a field.
    pub(crate) fn one(&self, name: &str) -> Result<&str, NotOne> {
        self.optional(name)?.ok_or(NotOne)
    }

    /// Returns the value of a field that may be missing; an empty one counts as that
    /// ([RFC 6749 §3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)).
    pub(crate) fn optional(&self, name: &str) -> Result<Option<&str>, NotOne> {
        let mut values = self.0.iter().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(NotOne),
            None => Ok(value.filter(|value| !value.is_empty())),
        }
    }
}

/// Undoes the escapes; `None` where one is broken or the text is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Escapes all but the unreserved characters of
/// [RFC 3986 §2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3).
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_again() {
        let text = "a b+c%d&e=f/ü\u{1f600}";
        let form = Form::read(&format!("name={}&&empty=&plus=a+b", encoded(text))).unwrap();
        assert_eq!(form.one("name"), Ok(text));
        assert_eq!(form.one("plus"), Ok("a b"));
        assert_eq!(form.optional("empty"), Ok(None));
        assert_eq!(form.one("empty"), Err(NotOne));
    }

    #[test]
    fn what_comes_twice_or_is_broken_is_not_read() {
        let form = Form::read("a=1&a=2&b=1").unwrap();
        assert_eq!((form.one("a"), form.optional("a")), (Err(NotOne), Err(NotOne)));
        assert_eq!(form.optional("c"), Ok(None));
        for broken in ["a=%", "a=%4", "a=%zz", "%ff=1"] {
            assert!(Form::read(broken).is_none(), "{broken}");
        }
    }
}
