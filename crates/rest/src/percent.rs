//! Percent-encoding as clients, signatures and links use it.

/// Undoes percent-encoding once. An escape that is malformed stays as it is, as every client's
/// library leaves it.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                (Some(_) | None, _) => {
                    bytes.push(b'%');
                    rest = tail;
                }
            },
            (byte, tail) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    bytes
}

/// Undoes percent-encoding once; what is no UTF-8 then becomes U+FFFD.
pub(crate) fn decode_lossy(text: &str) -> String {
    String::from_utf8_lossy(&decode(text)).into_owned()
}

/// Escapes everything but the [unreserved characters](https://www.rfc-editor.org/rfc/rfc3986#section-2.3)
/// and those named in `kept`.
pub(crate) fn encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            push_escaped(&mut encoded, byte);
        }
    }
    encoded
}

/// Writes a query again as [URL-encoded form data](https://url.spec.whatwg.org/#urlencoded-serializing),
/// which is what browsers and Node.js make of a query they have parsed.
pub(crate) fn as_form(query: &str) -> String {
    let mut form = String::with_capacity(query.len());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !form.is_empty() {
            form.push('&');
        }
        push_form(&mut form, name);
        form.push('=');
        push_form(&mut form, value);
    }
    form
}

/// Reads the pairs of a query: `+` is a space, escapes are undone, what is no UTF-8 is `None`.
pub(crate) fn form_pairs(query: &str) -> impl Iterator<Item = Option<(String, String)>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((form_text(name)?, form_text(value)?))
    })
}

fn form_text(text: &str) -> Option<String> {
    String::from_utf8(decode(&text.replace('+', " "))).ok()
}

fn push_form(form: &mut String, text: &str) {
    for byte in decode_lossy(&text.replace('+', " ")).bytes() {
        match byte {
            b' ' => form.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => {
                form.push(char::from(byte));
            }
            byte => push_escaped(form, byte),
        }
    }
}

fn push_escaped(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    for digit in [byte >> 4, byte & 0xf] {
        text.push(char::from(DIGITS[usize::from(digit)]));
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once() {
        for (text, decoded) in [
            ("8%3Aacs%3Ares_user", "8:acs:res_user"),
            ("8:acs:res_user", "8:acs:res_user"),
            ("%2B1", "+1"),
            ("+1", "+1"),
            ("%253A", "%3A"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%F0%9F%90%99", "🐙"),
        ] {
            assert_eq!(decode_lossy(text), decoded);
        }
        assert_eq!(decode("%ff"), [0xff]);
        assert_eq!(decode_lossy("%ff"), "\u{fffd}");
    }

    #[test]
    fn whatever_is_encoded_decodes_to_itself() {
        for text in ["8:acs:res_user", "19:abc@thread.v2", "a b/c%d+e", "🐙", ""] {
            assert_eq!(decode_lossy(&encode(text, b"")), text);
            assert_eq!(decode_lossy(&encode(text, b":@+")), text);
        }
        assert_eq!(encode("8:acs:a_b", b""), "8%3Aacs%3Aa_b");
    }

    #[test]
    fn a_query_is_written_again_as_a_form() {
        for (query, form) in [
            ("skip=0&top=100", "skip=0&top=100"),
            ("t=1970-01-01T00%3a00%3A00.000Z", "t=1970-01-01T00%3A00%3A00.000Z"),
            ("t=1970-01-01T00:00:00Z", "t=1970-01-01T00%3A00%3A00Z"),
            ("a=b%20c&d=e+f", "a=b+c&d=e+f"),
            ("a&&b=~*", "a=&b=%7E*"),
            ("", ""),
        ] {
            assert_eq!(as_form(query), form);
        }
    }

    #[test]
    fn pairs_of_a_query_are_text_or_nothing() {
        let pairs: Vec<_> = form_pairs("a=b%2Bc+d&e&f=%ff").collect();
        assert_eq!(
            pairs,
            [
                Some(("a".to_owned(), "b+c d".to_owned())),
                Some(("e".to_owned(), String::new())),
                None
            ]
        );
    }
}
