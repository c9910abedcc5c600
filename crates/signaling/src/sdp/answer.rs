//! Writes the answer: ICE-lite, DTLS-passive, bundled, complete with all candidates.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::{Direction, Fingerprint, IceCredentials, Offer, OfferedMedia, Selection};

/// An answer to one offer; [`fmt::Display`] prints the session description.
///
/// `sections` must have one entry per media section of the offer, in the same order
/// ([RFC 3264 §6](https://www.rfc-editor.org/rfc/rfc3264#section-6)); sections beyond its end are
/// written as rejected.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The offer being answered.
    pub offer: &'a Offer,
    /// The numeric session identifier of the `o=` line.
    pub session_id: u64,
    /// How many answers this session has had before.
    pub session_version: u64,
    /// The server's ICE credentials for this client.
    pub credentials: &'a IceCredentials,
    /// The hash of the server's certificate.
    pub fingerprint: &'a Fingerprint,
    /// The addresses at which the server waits, in order of preference.
    pub candidates: &'a [SocketAddr],
    /// What becomes of each offered section.
    pub sections: &'a [AnswerSection],
}

/// What becomes of one offered media section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AnswerSection {
    /// The server receives what the client sends.
    Receive(Selection),
    /// The section is refused with port zero.
    Rejected,
    /// The server sends to the client.
    Send(Selection, SendTrack),
}

/// The sources of a track that the server sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SendTrack {
    /// The media source.
    pub ssrc: u32,
    /// The retransmission source, for video whose client takes one.
    pub rtx_ssrc: Option<u32>,
    /// The canonical name that groups sources of one clock (RFC 7022).
    pub cname: String,
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\n", self.session_id, self.session_version)?;
        f.write_str("s=-\r\nt=0 0\r\na=ice-lite\r\n")?;
        f.write_str("a=group:BUNDLE")?;
        for (media, section) in self.pairs() {
            match section {
                AnswerSection::Receive(_) | AnswerSection::Send(..) => {
                    if let Some(mid) = &media.mid {
                        write!(f, " {mid}")?;
                    }
                }
                AnswerSection::Rejected => {}
            }
        }
        f.write_str("\r\na=msid-semantic: WMS *\r\n")?;
        let mut is_tagged = true;
        for (media, section) in self.pairs() {
            match section {
                AnswerSection::Receive(selection) => {
                    self.accepted(f, media, selection, Direction::RecvOnly, is_tagged)?;
                    is_tagged = false;
                }
                AnswerSection::Rejected => rejected(f, media)?,
                AnswerSection::Send(selection, track) => {
                    self.accepted(f, media, selection, Direction::SendOnly, is_tagged)?;
                    is_tagged = false;
                    track.write(f, media)?;
                }
            }
        }
        Ok(())
    }
}

impl Answer<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&OfferedMedia, &AnswerSection)> {
        let missing = std::iter::repeat(&AnswerSection::Rejected);
        self.offer.media().iter().zip(self.sections.iter().chain(missing))
    }

    fn accepted(
        &self,
        f: &mut fmt::Formatter<'_>,
        media: &OfferedMedia,
        selection: &Selection,
        direction: Direction,
        is_tagged: bool,
    ) -> fmt::Result {
        // The default destination must be one of the candidates
        // ([RFC 8839 §4.2.5](https://www.rfc-editor.org/rfc/rfc8839#section-4.2.5)).
        let default = self.candidates.first();
        let port = default.map_or(9, SocketAddr::port);
        write!(f, "m={} {port} {}", media.kind.as_str(), media.protocol)?;
        for codec in selection.codecs() {
            write!(f, " {}", codec.payload_type)?;
        }
        match default.map(SocketAddr::ip) {
            Some(IpAddr::V4(ip)) => write!(f, "\r\nc=IN IP4 {ip}\r\n")?,
            Some(IpAddr::V6(ip)) => write!(f, "\r\nc=IN IP6 {ip}\r\n")?,
            None => f.write_str("\r\nc=IN IP4 0.0.0.0\r\n")?,
        }
        if let Some(mid) = &media.mid {
            write!(f, "a=mid:{mid}\r\n")?;
        }
        write!(f, "a=ice-ufrag:{}\r\n", self.credentials.ufrag())?;
        write!(f, "a=ice-pwd:{}\r\n", self.credentials.password())?;
        write!(f, "a=fingerprint:{}\r\na=setup:passive\r\n", self.fingerprint)?;
        if is_tagged {
            for (index, candidate) in self.candidates.iter().enumerate() {
                let (ip, port, foundation) = (candidate.ip(), candidate.port(), index + 1);
                let priority = host_priority(index);
                write!(f, "a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host\r\n")?;
            }
            f.write_str("a=end-of-candidates\r\n")?;
        }
        write!(f, "a={}\r\na=rtcp-mux\r\n", direction.as_str())?;
        if media.rtcp_rsize {
            f.write_str("a=rtcp-rsize\r\n")?;
        }
        for extension in selection.extensions() {
            write!(f, "a=extmap:{} {}\r\n", extension.id, extension.uri)?;
        }
        for (index, codec) in selection.codecs().enumerate() {
            let payload_type = codec.payload_type;
            write!(f, "a=rtpmap:{payload_type} {}/{}", codec.name, codec.clock_rate_hz)?;
            if codec.channels > 1 {
                write!(f, "/{}", codec.channels)?;
            }
            f.write_str("\r\n")?;
            if !codec.parameters.is_empty() {
                write!(f, "a=fmtp:{payload_type} {}\r\n", codec.parameters)?;
            }
            // Feedback belongs to the main format; events and retransmissions have none.
            if index == 0 {
                for feedback in selection.feedback() {
                    write!(f, "a=rtcp-fb:{payload_type} {}\r\n", feedback.as_str())?;
                }
            }
        }
        Ok(())
    }
}

impl SendTrack {
    fn write(&self, f: &mut fmt::Formatter<'_>, media: &OfferedMedia) -> fmt::Result {
        let Some(mid) = &media.mid else { return Ok(()) };
        // One media stream per section: which participant it shows changes without renegotiation,
        // so lip-sync groups cannot be fixed here.
        write!(f, "a=msid:slot-{mid} slot-{mid}\r\n")?;
        if let Some(rtx_ssrc) = self.rtx_ssrc {
            write!(f, "a=ssrc-group:FID {} {rtx_ssrc}\r\n", self.ssrc)?;
        }
        for ssrc in std::iter::once(self.ssrc).chain(self.rtx_ssrc) {
            write!(f, "a=ssrc:{ssrc} cname:{}\r\n", self.cname)?;
        }
        Ok(())
    }
}

/// The `m=` line of a refused section keeps kind, protocol and formats of the offer
/// ([RFC 3264 §6](https://www.rfc-editor.org/rfc/rfc3264#section-6)).
fn rejected(f: &mut fmt::Formatter<'_>, media: &OfferedMedia) -> fmt::Result {
    write!(f, "m={} 0 {} {}\r\n", media.kind.as_str(), media.protocol, media.formats)?;
    f.write_str("c=IN IP4 0.0.0.0\r\n")?;
    if let Some(mid) = &media.mid {
        write!(f, "a=mid:{mid}\r\n")?;
    }
    f.write_str("a=inactive\r\n")
}

/// Host type preference 126, component 1, and a local preference that falls with the position
/// ([RFC 8445 §5.1.2.1](https://www.rfc-editor.org/rfc/rfc8445#section-5.1.2.1)).
fn host_priority(index: usize) -> u32 {
    let local_preference = 65_535 - u32::try_from(index).unwrap_or(u32::MAX).min(65_535);
    (126 << 24) | (local_preference << 8) | 255
}

#[cfg(test)]
mod tests {
    use super::super::{
        EXTENSION_AUDIO_LEVEL, EXTENSION_MID, Feedback, FingerprintAlgorithm, OfferError,
    };
    use super::*;

    const CHROMIUM: &str = include_str!("testdata/chromium.sdp");
    const EXTENSIONS: [&str; 2] = [EXTENSION_MID, EXTENSION_AUDIO_LEVEL];

    fn answer(offer: &Offer, sections: &[AnswerSection]) -> String {
        Answer {
            offer,
            session_id: 42,
            session_version: 0,
            credentials: &IceCredentials::new("srvufrag", "0123456789abcdefghijklmn").unwrap(),
            fingerprint: &Fingerprint::new(FingerprintAlgorithm::Sha256, &[0xab; 32]).unwrap(),
            candidates: &["192.0.2.1:5000".parse().unwrap(), "[2001:db8::1]:5000".parse().unwrap()],
            sections,
        }
        .to_string()
    }

    fn sections(offer: &Offer) -> Vec<AnswerSection> {
        offer
            .media()
            .iter()
            .map(|media| match Selection::choose(media, &EXTENSIONS, &[Feedback::Nack]) {
                None => AnswerSection::Rejected,
                Some(selection) if media.direction.sends() => AnswerSection::Receive(selection),
                Some(selection) => {
                    let track = SendTrack { ssrc: 7, rtx_ssrc: Some(8), cname: "c".to_owned() };
                    AnswerSection::Send(selection, track)
                }
            })
            .collect()
    }

    #[test]
    fn answer_mirrors_the_offer_section_by_section() {
        let offer = Offer::parse(CHROMIUM).unwrap();
        let text = answer(&offer, &sections(&offer));
        let lines: Vec<&str> = text.split("\r\n").collect();
        let media: Vec<_> = lines.iter().filter(|line| line.starts_with("m=")).copied().collect();
        assert_eq!(
            media,
            [
                "m=audio 5000 UDP/TLS/RTP/SAVPF 111 110",
                "m=video 5000 UDP/TLS/RTP/SAVPF 96 97",
                "m=video 5000 UDP/TLS/RTP/SAVPF 96 97",
                "m=audio 5000 UDP/TLS/RTP/SAVPF 111 110",
                "m=video 5000 UDP/TLS/RTP/SAVPF 96 97",
                "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
            ]
        );
        let count = |wanted: &str| lines.iter().filter(|line| **line == wanted).count();
        assert_eq!(count("a=group:BUNDLE 0 1 2 3 4"), 1);
        assert_eq!((count("a=ice-lite"), count("a=end-of-candidates")), (1, 1));
        assert_eq!(count("a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"), 1);
        assert_eq!(count("a=candidate:2 1 udp 2130706175 2001:db8::1 5000 typ host"), 1);
        assert_eq!((count("a=setup:passive"), count("a=rtcp-mux")), (5, 5));
        assert_eq!((count("a=recvonly"), count("a=sendonly"), count("a=inactive")), (3, 2, 1));
        assert_eq!(count("a=fmtp:111 minptime=10;useinbandfec=1"), 2);
        assert_eq!(count("a=fmtp:97 apt=96"), 3);
        assert_eq!(count("a=rtcp-fb:96 nack"), 3);
        assert_eq!(count("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"), 2);
        assert_eq!(count("a=msid:slot-4 slot-4"), 1);
        assert_eq!(count("a=ssrc-group:FID 7 8"), 2);
    }

    #[test]
    fn sections_beyond_the_list_are_rejected() {
        let offer = Offer::parse(CHROMIUM).unwrap();
        let text = answer(&offer, &sections(&offer)[..1]);
        assert_eq!(text.matches("a=inactive").count(), 5);
        assert!(text.contains("a=group:BUNDLE 0\r\n"));
    }

    #[test]
    fn an_answer_is_well_formed_by_the_rules_of_the_offer_parser() {
        let offer = Offer::parse(CHROMIUM).unwrap();
        let text = answer(&offer, &sections(&offer));
        // Only the role is the answerer's own; every line before that check has been parsed.
        assert_eq!(Offer::parse(&text), Err(OfferError::SetupConflict));
        let parsed = Offer::parse(&text.replace("setup:passive", "setup:actpass")).unwrap();
        assert_eq!(parsed.credentials().ufrag(), "srvufrag");
        assert_eq!(parsed.media()[4].retransmission_ssrcs, [(7, 8)]);
    }
}
