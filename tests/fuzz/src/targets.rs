//! The targets: one for each format that a peer can send.

mod chat;
mod dtls;
mod frames;
mod ids;
mod packets;
mod router;
mod sdp;
mod session;
mod stun;

/// One format, what must hold for it, and what valid input looks like.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name on the command line.
    pub name: &'static str,
    /// What is fed and what must hold.
    pub about: &'static str,
    /// Feeds one input and tells whether it was accepted. Panics when a promise is broken.
    pub run: fn(&[u8]) -> bool,
    /// Valid inputs to start from.
    pub samples: fn() -> Vec<Vec<u8>>,
    /// Words of the format to put in at random places.
    pub words: &'static [&'static [u8]],
    /// Longer inputs are cut: what the transport in front of the parser lets through.
    pub longest_bytes: usize,
}

/// All targets, by name.
pub const ALL: &[Target] = &[
    chat::TARGET,
    dtls::TARGET,
    frames::JSON,
    frames::PROTO,
    ids::TARGET,
    router::TARGET,
    packets::RTCP,
    packets::RTP,
    sdp::TARGET,
    session::TARGET,
    packets::SRTP,
    stun::TARGET,
];

/// The largest UDP payload.
const DATAGRAM_BYTES: usize = 65_507;

/// Splits an input into the chunks of a conversation: a length of two bytes before each.
fn chunks(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = input.split_first_chunk::<2>()?;
        let (chunk, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        input = rest;
        Some(chunk)
    })
}

/// Joins chunks to an input that [`chunks`] splits again.
fn conversation<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut input = Vec::new();
    for part in parts {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        input.extend_from_slice(&length.to_be_bytes());
        input.extend_from_slice(&part[..usize::from(length)]);
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_split_as_it_was_joined_and_a_torn_one_ends() {
        let parts: [&[u8]; 3] = [b"one", b"", b"three"];
        let input = conversation(parts);
        assert_eq!(chunks(&input).collect::<Vec<_>>(), parts);
        assert_eq!(chunks(&input[..input.len() - 2]).last(), Some(&b"thr"[..]));
    }

    #[test]
    fn every_sample_is_accepted() {
        for target in ALL {
            let samples = (target.samples)();
            assert!(!samples.is_empty(), "{} has no sample", target.name);
            for (index, sample) in samples.iter().enumerate() {
                assert!((target.run)(sample), "{}: sample {index} was rejected", target.name);
                assert!(sample.len() <= target.longest_bytes, "{}", target.name);
            }
        }
    }

    #[test]
    fn names_are_unique_and_in_order_of_the_list() {
        let mut names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
