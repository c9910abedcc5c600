//! RTP header extensions in the one-byte and two-byte forms
//! ([RFC 8285](https://www.rfc-editor.org/rfc/rfc8285)).

/// Where the negotiated extensions are found, by identifier.
///
/// `None` means that the extension was not negotiated. Only what the router reads or writes is
/// here; every other extension is dropped when a packet is forwarded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level` ([RFC 6464](https://www.rfc-editor.org/rfc/rfc6464)).
    pub audio_level: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:mid` ([RFC 9143](https://www.rfc-editor.org/rfc/rfc9143)).
    pub mid: Option<u8>,
    /// `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`.
    pub transport_cc: Option<u8>,
    /// `urn:3gpp:video-orientation`.
    pub video_orientation: Option<u8>,
}

impl ExtensionIds {
    /// Tells whether every identifier is one that RFC 8285 allows.
    pub fn are_valid(&self) -> bool {
        [self.audio_level, self.mid, self.transport_cc, self.video_orientation]
            .into_iter()
            .flatten()
            .all(|id| id != 0 && id != ONE_BYTE_STOP)
    }
}

/// One element of an extension block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Extension<'a> {
    /// The local identifier.
    pub id: u8,
    /// The value.
    pub value: &'a [u8],
}

/// Walks the elements of an extension block; a malformed rest ends the walk.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    form: Option<Form>,
    rest: &'a [u8],
}

impl<'a> Extensions<'a> {
    pub(super) fn new(profile: u16, block: &'a [u8]) -> Self {
        let form = match profile {
            ONE_BYTE_PROFILE => Some(Form::OneByte),
            _ if profile & 0xfff0 == TWO_BYTE_PROFILE => Some(Form::TwoByte),
            _ => None,
        };
        Self { form, rest: block }
    }

    /// Returns the value of the first element with this identifier.
    pub fn value_of(mut self, id: u8) -> Option<&'a [u8]> {
        self.find(|element| element.id == id).map(|element| element.value)
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let form = self.form?;
        while let [0, rest @ ..] = self.rest {
            self.rest = rest;
        }
        let (id, len, rest) = match (form, self.rest) {
            (Form::OneByte, [byte, rest @ ..]) => {
                let id = byte >> 4;
                if id == ONE_BYTE_STOP {
                    self.rest = &[];
                    return None;
                }
                (id, usize::from(byte & 0x0f) + 1, rest)
            }
            (Form::TwoByte, [id, len, rest @ ..]) => (*id, usize::from(*len), rest),
            (Form::OneByte | Form::TwoByte, _) => return None,
        };
        let Some((value, rest)) = rest.split_at_checked(len) else {
            self.rest = &[];
            return None;
        };
        self.rest = rest;
        // In the one-byte form, identifier 0 with a length is padding to be skipped.
        if id == 0 {
            return self.next();
        }
        Some(Extension { id, value })
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    OneByte,
    TwoByte,
}

/// The one element of a template whose value differs from packet to packet: one byte under the
/// given identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VariableElement {
    /// The local identifier.
    pub id: u8,
}

/// A prepared extension block: a constant element (the mid) and at most one variable byte.
///
/// Rewriting extensions for a subscriber is then one copy and one store per packet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ExtensionTemplate {
    bytes: [u8; TEMPLATE_CAPACITY],
    len: u8,
    /// Position of the variable element, or 0 when there is none (0 is inside the prefix).
    variable_at: u8,
    variable: [u8; 3],
    variable_len: u8,
}

impl ExtensionTemplate {
    /// Prepares a block. Picks the one-byte form unless an identifier needs the two-byte form.
    pub fn new(
        constant: Option<(u8, &[u8])>,
        variable: Option<VariableElement>,
    ) -> Result<Self, EncodeExtensionError> {
        let ids = [constant.map(|(id, _)| id), variable.map(|variable| variable.id)];
        for id in ids.into_iter().flatten() {
            if id == 0 || id == ONE_BYTE_STOP {
                return Err(EncodeExtensionError::ReservedId { id });
            }
        }
        if ids == [None, None] {
            return Ok(Self::default());
        }
        let value = constant.map_or(&[][..], |(_, value)| value);
        if constant.is_some() && !(1..=MAX_VALUE_LEN).contains(&value.len()) {
            return Err(EncodeExtensionError::ValueLength { bytes: value.len() });
        }
        let one_byte = ids.into_iter().flatten().all(|id| id < ONE_BYTE_STOP);
        let mut template = Self::default();
        let profile = if one_byte { ONE_BYTE_PROFILE } else { TWO_BYTE_PROFILE };
        template.push(&profile.to_be_bytes());
        template.push(&[0, 0]);
        if let Some(variable) = variable {
            template.variable_at = template.len;
            if one_byte {
                template.variable = [variable.id << 4, 0, 0];
                template.variable_len = 2;
            } else {
                template.variable = [variable.id, 1, 0];
                template.variable_len = 3;
            }
            let (element, len) = (template.variable, usize::from(template.variable_len));
            template.push(&element[..len]);
        }
        if let Some((id, value)) = constant {
            if one_byte {
                template.push(&[(id << 4) | (value.len() as u8 - 1)]);
            } else {
                template.push(&[id, value.len() as u8]);
            }
            template.push(value);
        }
        template.len = template.len.next_multiple_of(4);
        template.bytes[3] = template.len / 4 - 1;
        Ok(template)
    }

    /// Returns the length of the block with its prefix; 0 when there are no extensions.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Tells whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes the block to the start of `out`, which must hold [`Self::len`] bytes; a shorter
    /// `out` is left alone. Without a value the variable element becomes padding.
    #[inline]
    pub fn write(&self, variable: Option<u8>, out: &mut [u8]) {
        let Some(out) = out.get_mut(..self.len()) else { return };
        out.copy_from_slice(&self.bytes[..self.len()]);
        if self.variable_at == 0 {
            return;
        }
        let (at, len) = (usize::from(self.variable_at), usize::from(self.variable_len));
        let Some(element) = out.get_mut(at..at + len) else { return };
        match variable {
            Some(value) => element[len - 1] = value,
            None => element.fill(0),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }
}

/// Why an extension block cannot be prepared.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodeExtensionError {
    /// Identifiers 0 and 15 have no element.
    #[error("extension identifier {id} is reserved")]
    ReservedId {
        /// The refused identifier.
        id: u8,
    },
    /// The constant value is empty or longer than sixteen bytes.
    #[error("extension value of {bytes} bytes is not carried")]
    ValueLength {
        /// The value's length.
        bytes: usize,
    },
}

const ONE_BYTE_PROFILE: u16 = 0xbede;
const TWO_BYTE_PROFILE: u16 = 0x1000;
/// Identifier 15 ends a one-byte block, and we avoid it in the two-byte form too.
const ONE_BYTE_STOP: u8 = 15;
const MAX_VALUE_LEN: usize = 16;
/// Prefix 4, variable element 3, constant element 2 + 16, padded to a word.
const TEMPLATE_CAPACITY: usize = 28;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn elements(block: &[u8]) -> Vec<(u8, Vec<u8>)> {
        assert_eq!(block.len() % 4, 0);
        let profile = u16::from_be_bytes([block[0], block[1]]);
        assert_eq!(block.len(), 4 + 4 * usize::from(block[3]));
        Extensions::new(profile, &block[4..]).map(|e| (e.id, e.value.to_vec())).collect()
    }

    #[test]
    fn small_identifiers_give_the_one_byte_form() {
        let template =
            ExtensionTemplate::new(Some((3, b"v1")), Some(VariableElement { id: 1 })).unwrap();
        let mut block = vec![0xff; template.len()];
        template.write(Some(0x85), &mut block);
        assert_eq!(block, [0xbe, 0xde, 0, 2, 0x10, 0x85, 0x31, b'v', b'1', 0, 0, 0]);
        template.write(None, &mut block);
        assert_eq!(elements(&block), [(3, b"v1".to_vec())]);
    }

    #[test]
    fn large_identifiers_give_the_two_byte_form() {
        let template =
            ExtensionTemplate::new(Some((20, b"v1")), Some(VariableElement { id: 1 })).unwrap();
        let mut block = vec![0; template.len()];
        template.write(Some(9), &mut block);
        assert_eq!(&block[..2], [0x10, 0]);
        assert_eq!(elements(&block), [(1, vec![9]), (20, b"v1".to_vec())]);
    }

    #[test]
    fn reserved_identifiers_and_long_values_are_refused() {
        for id in [0, 15] {
            assert_eq!(
                ExtensionTemplate::new(None, Some(VariableElement { id })),
                Err(EncodeExtensionError::ReservedId { id })
            );
        }
        for bytes in [0, 17] {
            assert_eq!(
                ExtensionTemplate::new(Some((1, &vec![b'x'; bytes])), None),
                Err(EncodeExtensionError::ValueLength { bytes })
            );
        }
    }

    #[test]
    fn a_stop_element_and_a_length_lie_end_the_walk() {
        let walk = |profile, block: &[u8]| Extensions::new(profile, block).count();
        assert_eq!(walk(0xbede, &[0x10, 1, 0xf0, 0x20, 2]), 1);
        assert_eq!(walk(0xbede, &[0x10, 1, 0x2f, 2, 2]), 1);
        assert_eq!(walk(0x1000, &[1, 1, 7, 2, 9, 0]), 1);
        assert_eq!(walk(0x1005, &[1, 1, 7, 2, 0]), 2);
        assert_eq!(walk(0x1234, &[0x10, 1, 7, 2, 0]), 0);
    }

    proptest! {
        #[test]
        fn templates_read_back(
            mid in proptest::option::of((1u8..=255, proptest::collection::vec(any::<u8>(), 1..=16))),
            variable in proptest::option::of(1u8..=255),
            value in proptest::option::of(any::<u8>()),
        ) {
            let mid = mid.filter(|(id, _)| *id != 15 && Some(*id) != variable);
            let variable = variable.filter(|id| *id != 15);
            let constant = mid.as_ref().map(|(id, value)| (*id, value.as_slice()));
            let template =
                ExtensionTemplate::new(constant, variable.map(|id| VariableElement { id })).unwrap();
            let mut block = vec![0xaa; template.len()];
            template.write(value, &mut block);
            let mut expected = Vec::new();
            if let (Some(id), Some(value)) = (variable, value) {
                expected.push((id, vec![value]));
            }
            expected.extend(mid.clone());
            if template.is_empty() {
                prop_assert!(expected.is_empty());
            } else {
                prop_assert_eq!(elements(&block), expected);
            }
        }
    }
}
