//! The VP8 payload descriptor ([RFC 7741 §4.2](https://www.rfc-editor.org/rfc/rfc7741#section-4.2)).

/// What a forwarder wants to know about a VP8 packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Vp8Descriptor {
    /// The packet starts a partition.
    pub starts_partition: bool,
    /// Which partition, 0 to 7.
    pub partition: u8,
    /// No later frame refers to this frame.
    pub non_reference: bool,
    /// The picture identifier, 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// The index of the base temporal layer.
    pub tl0_picture_index: Option<u8>,
    /// The temporal layer.
    pub temporal_layer: Option<u8>,
    /// The descriptor's length in bytes.
    pub len: usize,
}

impl Vp8Descriptor {
    /// Reads the descriptor at the start of an RTP payload; `None` when it is cut.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            starts_partition: first & 0x10 != 0,
            partition: first & 0x07,
            non_reference: first & 0x20 != 0,
            picture_id: None,
            tl0_picture_index: None,
            temporal_layer: None,
            len: 1,
        };
        if first & 0x80 == 0 {
            return Some(descriptor);
        }
        let extension = descriptor.take(payload)?;
        if extension & 0x80 != 0 {
            let high = descriptor.take(payload)?;
            descriptor.picture_id = Some(if high & 0x80 != 0 {
                u16::from_be_bytes([high & 0x7f, descriptor.take(payload)?])
            } else {
                u16::from(high)
            });
        }
        if extension & 0x40 != 0 {
            descriptor.tl0_picture_index = Some(descriptor.take(payload)?);
        }
        if extension & 0x30 != 0 {
            let layer = descriptor.take(payload)?;
            descriptor.temporal_layer = (extension & 0x20 != 0).then_some(layer >> 6);
        }
        Some(descriptor)
    }

    fn take(&mut self, payload: &[u8]) -> Option<u8> {
        let byte = *payload.get(self.len)?;
        self.len += 1;
        Some(byte)
    }
}

/// Tells whether a payload is the first packet of a keyframe.
///
/// Checks the start code too ([RFC 6386 §9.1](https://www.rfc-editor.org/rfc/rfc6386#section-9.1)),
/// so that an encrypted or foreign payload is not taken for a keyframe by one lucky bit.
pub fn starts_keyframe(payload: &[u8]) -> bool {
    let Some(descriptor) = Vp8Descriptor::parse(payload) else { return false };
    if !descriptor.starts_partition || descriptor.partition != 0 {
        return false;
    }
    let frame = payload.get(descriptor.len..).unwrap_or_default();
    matches!(frame, [tag, _, _, 0x9d, 0x01, 0x2a, ..] if tag & 1 == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYFRAME: [u8; 12] = [0x90, 0xe0, 0x81, 0x23, 7, 0x40, 0x10, 0, 0, 0x9d, 0x01, 0x2a];

    #[test]
    fn every_field_is_read() {
        assert_eq!(
            Vp8Descriptor::parse(&KEYFRAME),
            Some(Vp8Descriptor {
                starts_partition: true,
                partition: 0,
                non_reference: false,
                picture_id: Some(0x123),
                tl0_picture_index: Some(7),
                temporal_layer: Some(1),
                len: 6,
            })
        );
        let short = Vp8Descriptor::parse(&[0xa1, 0x80, 0x05]).unwrap();
        assert_eq!((short.picture_id, short.len), (Some(5), 3));
        assert!(short.non_reference && short.partition == 1);
    }

    #[test]
    fn only_the_first_packet_of_a_keyframe_counts() {
        assert!(starts_keyframe(&KEYFRAME));
        assert!(starts_keyframe(&[0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0]));
        let mut delta = KEYFRAME;
        delta[6] |= 1;
        assert!(!starts_keyframe(&delta));
        let mut continued = KEYFRAME;
        continued[0] &= !0x10;
        assert!(!starts_keyframe(&continued));
        let mut second_partition = KEYFRAME;
        second_partition[0] |= 1;
        assert!(!starts_keyframe(&second_partition));
    }

    #[test]
    fn every_prefix_is_safe() {
        for len in 0..KEYFRAME.len() {
            assert!(!starts_keyframe(&KEYFRAME[..len]));
            assert_eq!(Vp8Descriptor::parse(&KEYFRAME[..len]).is_some(), len >= 6);
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = starts_keyframe(&bytes);
            if let Some(descriptor) = Vp8Descriptor::parse(&bytes) {
                prop_assert!(descriptor.len <= bytes.len());
            }
        }
    }
}
