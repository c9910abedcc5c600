//! Reads the `use_srtp` extension out of a ClientHello before the endpoint sees it.

use trunkline_media::srtp::SrtpProfile;

use super::admission::{CLIENT_HELLO, HANDSHAKE, next_fragment, next_record};

/// Collects the fragments of the first ClientHello.
///
/// With post-quantum key shares the message exceeds a datagram, so it must be put together.
#[derive(Debug, Default)]
pub(super) struct HelloReader {
    message: Vec<u8>,
    /// Sorted, disjoint ranges of `message` that have arrived.
    arrived: Vec<(usize, usize)>,
}

/// The SRTP profiles of a ClientHello that this server also has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct OfferedProfiles {
    pub(super) gcm: bool,
    pub(super) cm80: bool,
}

impl OfferedProfiles {
    /// Returns the profile to use: AES-GCM costs a fraction of the other per packet.
    pub(super) fn preferred(self) -> Option<SrtpProfile> {
        match (self.gcm, self.cm80) {
            (true, _) => Some(SrtpProfile::AeadAes128Gcm),
            (false, true) => Some(SrtpProfile::Aes128CmHmacSha1_80),
            (false, false) => None,
        }
    }
}

impl HelloReader {
    /// Takes one admitted datagram; returns the profiles as soon as the message is complete.
    pub(super) fn read(&mut self, datagram: &[u8]) -> Option<OfferedProfiles> {
        let mut rest = datagram;
        while !rest.is_empty() {
            let record = next_record(&mut rest).ok()?;
            if record.content_type != HANDSHAKE || record.epoch != 0 {
                continue;
            }
            let mut fragments = record.fragment;
            while !fragments.is_empty() {
                let fragment = next_fragment(&mut fragments).ok()?;
                if fragment.kind != CLIENT_HELLO || fragment.message_sequence != 0 {
                    continue;
                }
                if self.message.len() != fragment.length {
                    self.message = vec![0; fragment.length];
                    self.arrived.clear();
                }
                let range = fragment.offset..fragment.offset + fragment.body.len();
                if let Some(place) = self.message.get_mut(range.clone()) {
                    place.copy_from_slice(fragment.body);
                    self.mark(range.start, range.end);
                }
            }
        }
        let is_complete = self.arrived == [(0, self.message.len())];
        is_complete.then(|| offered_profiles(&self.message).unwrap_or_default())
    }

    fn mark(&mut self, start: usize, end: usize) {
        self.arrived.push((start, end));
        self.arrived.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::with_capacity(self.arrived.len());
        for (start, end) in self.arrived.drain(..) {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        self.arrived = merged;
    }
}

/// Walks a ClientHello body ([RFC 6347 §4.2.1](https://www.rfc-editor.org/rfc/rfc6347#section-4.2.1)) to `use_srtp`.
fn offered_profiles(hello: &[u8]) -> Option<OfferedProfiles> {
    let mut rest = Cursor(hello);
    // The version and the random.
    rest.take(2 + 32)?;
    let session = rest.u8()?;
    rest.take(usize::from(session))?;
    let cookie = rest.u8()?;
    rest.take(usize::from(cookie))?;
    let suites = rest.u16()?;
    rest.take(usize::from(suites))?;
    let compressions = rest.u8()?;
    rest.take(usize::from(compressions))?;
    let extensions = rest.u16()?;
    let mut extensions = Cursor(rest.take(usize::from(extensions))?);
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let length = extensions.u16()?;
        let mut value = Cursor(extensions.take(usize::from(length))?);
        if kind != USE_SRTP {
            continue;
        }
        let length = value.u16()?;
        let profiles = value.take(usize::from(length))?;
        let has = |profile: SrtpProfile| {
            profiles.chunks_exact(2).any(|pair| pair == profile.id().to_be_bytes())
        };
        return Some(OfferedProfiles {
            gcm: has(SrtpProfile::AeadAes128Gcm),
            cm80: has(SrtpProfile::Aes128CmHmacSha1_80),
        });
    }
    None
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

/// [RFC 5764 §9](https://www.rfc-editor.org/rfc/rfc5764#section-9)
const USE_SRTP: u16 = 14;
