//! Parses a client's offer into a value that is bounded and internally consistent.

use super::{
    Codec, Direction, Fingerprint, FingerprintAlgorithm, HeaderExtension, IceCredentials,
    MediaKind, Mid, Setup,
};

/// A client's offer: one bundled transport and its media sections.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    credentials: IceCredentials,
    fingerprints: Vec<Fingerprint>,
    media: Vec<OfferedMedia>,
}

/// One `m=` section of an offer.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedMedia {
    /// What the section carries.
    pub kind: MediaKind,
    /// The transport protocol as written, for example `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// The format list as written, echoed when the section is rejected.
    pub formats: String,
    /// The identification tag; sections without one can only be rejected.
    pub mid: Option<Mid>,
    /// Who may send, seen from the client.
    pub direction: Direction,
    /// Whether the section belongs to the bundle and is not disabled by port zero.
    pub is_usable: bool,
    /// Whether RTP and RTCP share the transport.
    pub rtcp_mux: bool,
    /// Whether reduced-size RTCP was offered (RFC 5506).
    pub rtcp_rsize: bool,
    /// The payload formats that have an `rtpmap`, in the client's order of preference.
    pub codecs: Vec<Codec>,
    /// The header extensions.
    pub extensions: Vec<HeaderExtension>,
    /// The announced sources in order, without those named second in a `FID` group.
    pub ssrcs: Vec<u32>,
    /// Media source and its retransmission source, from `FID` groups (RFC 5576 §4.2).
    pub retransmission_ssrcs: Vec<(u32, u32)>,
}

impl Offer {
    /// Parses an offer.
    ///
    /// Unknown lines and attributes are ignored, as RFC 8866 asks; known ones must be well formed.
    ///
    /// # Errors
    ///
    /// Says what the client did wrong, with the line number for lines that do not parse.
    pub fn parse(text: &str) -> Result<Self, OfferError> {
        if text.len() > MAX_OFFER_BYTES {
            return Err(OfferError::TooLong {
                limit_bytes: MAX_OFFER_BYTES,
                got_bytes: text.len(),
            });
        }
        let mut reader = Reader::default();
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
        match lines.next() {
            Some((_, "v=0")) => {}
            _ => return Err(OfferError::NotSdp),
        }
        for (number, line) in lines {
            if line.is_empty() {
                continue;
            }
            reader.line(line).map_err(|fault| match fault {
                LineFault::Malformed => OfferError::MalformedLine { line: number },
                LineFault::Refused(error) => error,
            })?;
        }
        reader.finish()
    }

    /// Returns the client's ICE credentials.
    pub fn credentials(&self) -> &IceCredentials {
        &self.credentials
    }

    /// Returns the hashes of which one must match the client's certificate; never empty.
    pub fn fingerprints(&self) -> &[Fingerprint] {
        &self.fingerprints
    }

    /// Returns the sections in the order of the offer, which the answer must keep.
    pub fn media(&self) -> &[OfferedMedia] {
        &self.media
    }

    /// Finds a section by its tag.
    pub fn media_by_mid(&self, mid: &Mid) -> Option<&OfferedMedia> {
        self.media.iter().find(|media| media.mid.as_ref() == Some(mid))
    }
}

impl OfferedMedia {
    /// Finds a header extension by URI, if its identifier fits a one-byte header.
    pub fn extension(&self, uri: &str) -> Option<&HeaderExtension> {
        self.extensions.iter().find(|extension| extension.uri == uri && extension.id <= 14)
    }
}

/// Says why an offer was refused; each case is the client's fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OfferError {
    /// Two sections have the same tag.
    #[error("two media sections share the tag {mid}")]
    DuplicateMid {
        /// The tag used twice.
        mid: Mid,
    },
    /// A known line does not follow its grammar.
    #[error("line {line} is malformed")]
    MalformedLine {
        /// The line number, from one.
        line: usize,
    },
    /// No usable section names a certificate hash, or only ones that are too weak.
    #[error("no sha-256, sha-384 or sha-512 certificate fingerprint")]
    MissingFingerprint,
    /// No usable section carries ICE credentials.
    #[error("no ice credentials")]
    MissingIceCredentials,
    /// Nothing in the offer can be bundled.
    #[error("no media section in a bundle")]
    NoBundledMedia,
    /// The text does not begin with `v=0`.
    #[error("not a session description")]
    NotSdp,
    /// The client insists on the DTLS server role, which is this server's.
    #[error("setup:passive offered, but the answerer is always passive")]
    SetupConflict,
    /// The text is longer than any offer this server serves.
    #[error("offer of {got_bytes} bytes exceeds {limit_bytes}")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
        /// The size of the refused text.
        got_bytes: usize,
    },
    /// A list within the offer is longer than any real client's.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

#[derive(Debug, Default)]
struct Reader {
    bundle: Option<Vec<Mid>>,
    session: TransportAttributes,
    session_direction: Option<Direction>,
    sections: Vec<Section>,
}

#[derive(Clone, Debug, Default)]
struct TransportAttributes {
    ufrag: Option<String>,
    password: Option<String>,
    fingerprints: Vec<Fingerprint>,
    setup: Option<Setup>,
}

#[derive(Debug)]
struct Section {
    media: OfferedMedia,
    transport: TransportAttributes,
    port: u16,
    bundle_only: bool,
    direction: Option<Direction>,
    payload_types: Vec<u8>,
    parameters: Vec<(u8, String)>,
    feedback: Vec<(Option<u8>, String)>,
}

#[derive(Debug)]
enum LineFault {
    Malformed,
    Refused(OfferError),
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), LineFault> {
        let (kind, value) = line.split_once('=').ok_or(LineFault::Malformed)?;
        // RFC 8866 §9: a byte-string has no NUL, CR or LF. The answer repeats some values, and a
        // reader that takes a bare CR as the end of a line would see lines nobody wrote.
        if value.contains(['\0', '\r']) {
            return Err(LineFault::Malformed);
        }
        match kind {
            "m" => self.media_line(value),
            "a" => self.attribute(value),
            kind if kind.len() == 1 => Ok(()),
            _ => Err(LineFault::Malformed),
        }
    }

    fn media_line(&mut self, value: &str) -> Result<(), LineFault> {
        let mut words = value.splitn(4, ' ');
        let (Some(kind), Some(port), Some(protocol), Some(formats)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(LineFault::Malformed);
        };
        bounded(self.sections.len(), MAX_MEDIA_SECTIONS, "media sections")?;
        let kind = match kind {
            "audio" => MediaKind::Audio,
            "video" => MediaKind::Video,
            other if !other.is_empty() && other.bytes().all(super::is_token_byte) => {
                MediaKind::Other(other.to_owned())
            }
            _ => return Err(LineFault::Malformed),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if protocol.is_empty() || !is_plain(protocol) || !is_plain(formats) {
            return Err(LineFault::Malformed);
        }
        // A port may be followed by a count (`9/2`), which no WebRTC client writes.
        let port = port.parse().map_err(|_| LineFault::Malformed)?;
        let payload_types = match kind {
            MediaKind::Audio | MediaKind::Video => formats
                .split_ascii_whitespace()
                .map(|format| format.parse().ok().filter(|number| *number <= 127))
                .collect::<Option<Vec<u8>>>()
                .ok_or(LineFault::Malformed)?,
            MediaKind::Other(_) => Vec::new(),
        };
        bounded(payload_types.len(), MAX_CODECS + 1, "payload types")?;
        self.sections.push(Section {
            media: OfferedMedia {
                kind,
                protocol: protocol.to_owned(),
                formats: formats.to_owned(),
                mid: None,
                direction: Direction::default(),
                is_usable: false,
                rtcp_mux: false,
                rtcp_rsize: false,
                codecs: Vec::new(),
                extensions: Vec::new(),
                ssrcs: Vec::new(),
                retransmission_ssrcs: Vec::new(),
            },
            transport: TransportAttributes::default(),
            port,
            bundle_only: false,
            direction: None,
            payload_types,
            parameters: Vec::new(),
            feedback: Vec::new(),
        });
        Ok(())
    }

    fn attribute(&mut self, value: &str) -> Result<(), LineFault> {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        let transport = match self.sections.last_mut() {
            Some(section) => &mut section.transport,
            None => &mut self.session,
        };
        match name {
            "ice-ufrag" => transport.ufrag = Some(short(value)?),
            "ice-pwd" => transport.password = Some(short(value)?),
            "fingerprint" => {
                bounded(transport.fingerprints.len(), MAX_FINGERPRINTS, "fingerprints")?;
                // Weak or unknown hash functions are skipped: a client may list several.
                transport.fingerprints.extend(fingerprint(value)?);
            }
            "setup" => transport.setup = setup(value)?,
            _ => match self.sections.last_mut() {
                Some(section) => section.attribute(name, value)?,
                None => self.session_attribute(name, value)?,
            },
        }
        Ok(())
    }

    fn session_attribute(&mut self, name: &str, value: &str) -> Result<(), LineFault> {
        if let Some(direction) = direction(name) {
            self.session_direction = Some(direction);
        } else if name == "group"
            && let Some(tags) = value.strip_prefix("BUNDLE")
            && self.bundle.is_none()
        {
            let mut bundle = Vec::new();
            for tag in tags.split_ascii_whitespace() {
                bounded(bundle.len(), MAX_MEDIA_SECTIONS, "bundled tags")?;
                bundle.push(tag.parse().map_err(|_| LineFault::Malformed)?);
            }
            self.bundle = Some(bundle);
        }
        Ok(())
    }

    fn finish(self) -> Result<Offer, OfferError> {
        let bundle = self.bundle.unwrap_or_default();
        let mut transport: Option<TransportAttributes> = None;
        let mut media = Vec::with_capacity(self.sections.len());
        let mut seen: Vec<Mid> = Vec::new();
        for section in self.sections {
            if let Some(mid) = &section.media.mid {
                if seen.contains(mid) {
                    return Err(OfferError::DuplicateMid { mid: mid.clone() });
                }
                seen.push(mid.clone());
            }
            let in_bundle = section.media.mid.as_ref().is_some_and(|mid| bundle.contains(mid));
            let usable = in_bundle && (section.port != 0 || section.bundle_only);
            if usable && transport.is_none() {
                transport = Some(section.transport.clone().or(&self.session));
            }
            media.push(section.finish(usable, self.session_direction));
        }
        let transport = transport.ok_or(OfferError::NoBundledMedia)?;
        let (Some(ufrag), Some(password)) = (&transport.ufrag, &transport.password) else {
            return Err(OfferError::MissingIceCredentials);
        };
        let credentials = IceCredentials::new(ufrag, password)
            .map_err(|_invalid| OfferError::MissingIceCredentials)?;
        if transport.fingerprints.is_empty() {
            return Err(OfferError::MissingFingerprint);
        }
        match transport.setup {
            Some(Setup::Passive) => return Err(OfferError::SetupConflict),
            Some(Setup::Active | Setup::ActPass) | None => {}
        }
        Ok(Offer { credentials, fingerprints: transport.fingerprints, media })
    }
}

impl TransportAttributes {
    /// Fills what the section does not say from the session level.
    fn or(mut self, session: &Self) -> Self {
        if self.ufrag.is_none() && self.password.is_none() {
            self.ufrag.clone_from(&session.ufrag);
            self.password.clone_from(&session.password);
        }
        if self.fingerprints.is_empty() {
            self.fingerprints.clone_from(&session.fingerprints);
        }
        self.setup = self.setup.or(session.setup);
        self
    }
}

impl Section {
    fn attribute(&mut self, name: &str, value: &str) -> Result<(), LineFault> {
        if let Some(direction) = direction(name) {
            self.direction = Some(direction);
            return Ok(());
        }
        match (&self.media.kind, name) {
            (_, "mid") | (MediaKind::Audio | MediaKind::Video, _) => {}
            // A data channel section is always rejected and its attributes have another grammar.
            (MediaKind::Other(_), _) => return Ok(()),
        }
        match name {
            "mid" => self.media.mid = Some(value.parse().map_err(|_| LineFault::Malformed)?),
            "rtcp-mux" => self.media.rtcp_mux = true,
            "rtcp-rsize" => self.media.rtcp_rsize = true,
            "bundle-only" => self.bundle_only = true,
            "rtpmap" => self.rtpmap(value)?,
            "fmtp" => {
                let (payload_type, parameters) = payload_attribute(value)?;
                bounded(self.parameters.len(), MAX_CODECS, "fmtp lines")?;
                self.parameters.push((payload_type, parameters.to_owned()));
            }
            "rtcp-fb" => self.rtcp_feedback(value)?,
            "extmap" => self.extmap(value)?,
            "ssrc" => {
                let ssrc = number(value.split(' ').next())?;
                if !self.media.ssrcs.contains(&ssrc) {
                    bounded(self.media.ssrcs.len(), MAX_SSRCS, "sources")?;
                    self.media.ssrcs.push(ssrc);
                }
            }
            "ssrc-group" => self.ssrc_group(value)?,
            _ => {}
        }
        Ok(())
    }

    fn rtpmap(&mut self, value: &str) -> Result<(), LineFault> {
        let (payload_type, encoding) = payload_attribute(value)?;
        let mut parts = encoding.split('/');
        let name = parts.next().filter(|name| !name.is_empty() && name.len() <= MAX_SHORT_BYTES);
        let name = name.ok_or(LineFault::Malformed)?;
        let clock_rate_hz = number(parts.next())?;
        let channels = match parts.next() {
            Some(text) => text.parse().map_err(|_| LineFault::Malformed)?,
            None => 1,
        };
        bounded(self.media.codecs.len(), MAX_CODECS, "codecs")?;
        self.media.codecs.push(Codec {
            payload_type,
            name: name.to_owned(),
            clock_rate_hz,
            channels,
            parameters: String::new(),
            feedback: Vec::new(),
        });
        Ok(())
    }

    fn rtcp_feedback(&mut self, value: &str) -> Result<(), LineFault> {
        bounded(self.feedback.len(), MAX_CODECS * 8, "rtcp-fb lines")?;
        let (target, feedback) = value.split_once(' ').ok_or(LineFault::Malformed)?;
        let target = match target {
            "*" => None,
            number => Some(number.parse().map_err(|_| LineFault::Malformed)?),
        };
        self.feedback.push((target, feedback.trim().to_owned()));
        Ok(())
    }

    fn extmap(&mut self, value: &str) -> Result<(), LineFault> {
        let mut words = value.split_ascii_whitespace();
        let (Some(id), Some(uri)) = (words.next(), words.next()) else {
            return Err(LineFault::Malformed);
        };
        let (id, way) = match id.split_once('/') {
            Some((id, way)) => (id, direction(way).ok_or(LineFault::Malformed)?),
            None => (id, Direction::SendRecv),
        };
        let id: u16 = id.parse().map_err(|_| LineFault::Malformed)?;
        // Identifiers from 4096 upwards are placeholders that only an answerer may assign
        // ([RFC 8285 §6](https://www.rfc-editor.org/rfc/rfc8285#section-6)); nothing needs them.
        let Ok(id) = u8::try_from(id) else { return Ok(()) };
        if id == 0 || uri.len() > MAX_SHORT_BYTES {
            return Err(LineFault::Malformed);
        }
        bounded(self.media.extensions.len(), MAX_EXTENSIONS, "header extensions")?;
        self.media.extensions.push(HeaderExtension { id, uri: uri.to_owned(), direction: way });
        Ok(())
    }

    fn ssrc_group(&mut self, value: &str) -> Result<(), LineFault> {
        let Some(sources) = value.strip_prefix("FID ") else { return Ok(()) };
        let mut sources = sources.split_ascii_whitespace();
        let pair = (number(sources.next())?, number(sources.next())?);
        bounded(self.media.retransmission_ssrcs.len(), MAX_SSRCS, "source groups")?;
        self.media.retransmission_ssrcs.push(pair);
        Ok(())
    }

    fn finish(self, usable: bool, session_direction: Option<Direction>) -> OfferedMedia {
        let Self { mut media, direction, payload_types, parameters, feedback, .. } = self;
        media.is_usable = usable;
        media.direction = direction.or(session_direction).unwrap_or_default();
        // The order of the `m=` line is the order of preference; `rtpmap` lines may come in any.
        media.codecs.retain(|codec| payload_types.contains(&codec.payload_type));
        media.codecs.sort_by_key(|codec| {
            payload_types.iter().position(|payload_type| *payload_type == codec.payload_type)
        });
        media.codecs.dedup_by_key(|codec| codec.payload_type);
        for codec in &mut media.codecs {
            if let Some((_, text)) = parameters.iter().find(|(pt, _)| *pt == codec.payload_type) {
                codec.parameters.clone_from(text);
            }
            codec.feedback = feedback
                .iter()
                .filter(|(target, _)| target.is_none_or(|pt| pt == codec.payload_type))
                .map(|(_, text)| text.clone())
                .collect();
        }
        let repairs: Vec<u32> = media.retransmission_ssrcs.iter().map(|pair| pair.1).collect();
        media.ssrcs.retain(|ssrc| !repairs.contains(ssrc));
        media
    }
}

fn direction(name: &str) -> Option<Direction> {
    match name {
        "inactive" => Some(Direction::Inactive),
        "recvonly" => Some(Direction::RecvOnly),
        "sendonly" => Some(Direction::SendOnly),
        "sendrecv" => Some(Direction::SendRecv),
        _ => None,
    }
}

fn setup(value: &str) -> Result<Option<Setup>, LineFault> {
    match value.trim() {
        "active" => Ok(Some(Setup::Active)),
        "actpass" => Ok(Some(Setup::ActPass)),
        "passive" => Ok(Some(Setup::Passive)),
        _ => Err(LineFault::Malformed),
    }
}

fn fingerprint(value: &str) -> Result<Option<Fingerprint>, LineFault> {
    let (algorithm, digest) = value.trim().split_once(' ').ok_or(LineFault::Malformed)?;
    let algorithm = match algorithm.to_ascii_lowercase().as_str() {
        "sha-256" => FingerprintAlgorithm::Sha256,
        "sha-384" => FingerprintAlgorithm::Sha384,
        "sha-512" => FingerprintAlgorithm::Sha512,
        _ => return Ok(None),
    };
    let mut bytes = Vec::with_capacity(algorithm.digest_bytes());
    for pair in digest.trim().split(':') {
        if pair.len() != 2 || bytes.len() == algorithm.digest_bytes() {
            return Err(LineFault::Malformed);
        }
        // `from_str_radix` alone would accept a sign.
        if !pair.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(LineFault::Malformed);
        }
        bytes.push(u8::from_str_radix(pair, 16).map_err(|_| LineFault::Malformed)?);
    }
    Fingerprint::new(algorithm, &bytes).map(Some).ok_or(LineFault::Malformed)
}

fn payload_attribute(value: &str) -> Result<(u8, &str), LineFault> {
    let (payload_type, rest) = value.split_once(' ').ok_or(LineFault::Malformed)?;
    let payload_type = payload_type.parse().map_err(|_| LineFault::Malformed)?;
    if payload_type > 127 || rest.len() > MAX_PARAMETERS_BYTES {
        return Err(LineFault::Malformed);
    }
    Ok((payload_type, rest.trim()))
}

fn number(text: Option<&str>) -> Result<u32, LineFault> {
    text.and_then(|text| text.parse().ok()).ok_or(LineFault::Malformed)
}

fn short(value: &str) -> Result<String, LineFault> {
    if value.len() > MAX_SHORT_BYTES {
        return Err(LineFault::Malformed);
    }
    Ok(value.trim().to_owned())
}

fn bounded(count: usize, limit: usize, what: &'static str) -> Result<(), LineFault> {
    if count < limit {
        Ok(())
    } else {
        Err(LineFault::Refused(OfferError::TooMany { what, limit }))
    }
}

/// Twenty video sections with every codec Chromium knows come to about 130 KB. Larger invites
/// parsing work from strangers; smaller refuses real pages.
const MAX_OFFER_BYTES: usize = 262_144;
/// 3 sent tracks, 3 audio slots, 16 tiles, a screen and a data channel make 24.
const MAX_MEDIA_SECTIONS: usize = 64;
/// Payload types are seven bits wide.
const MAX_CODECS: usize = 128;
/// The one-byte header has 14 identifiers; Chromium lists up to 13, two-byte lists are longer.
const MAX_EXTENSIONS: usize = 32;
/// Simulcast with retransmission uses six sources in a section.
const MAX_SSRCS: usize = 32;
/// One per hash function, with room for a second certificate.
const MAX_FINGERPRINTS: usize = 8;
/// No name, URI or credential is longer.
const MAX_SHORT_BYTES: usize = 256;
/// H.264 and AV1 parameter lists stay well below this.
const MAX_PARAMETERS_BYTES: usize = 1_024;

#[cfg(test)]
mod tests;
