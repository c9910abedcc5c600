//! RTP, RTCP and SRTP packets: every walk ends, nothing points outside, nothing forged opens.

use std::sync::OnceLock;

use trunkline_media::rtcp::{self, CompoundWriter, Packet, ReportBlock, SenderReport};
use trunkline_media::rtp::{HeaderFields, RtpHeader, is_rtcp, write_header};
use trunkline_media::srtp::{InboundContext, OutboundContext, SrtpKeys, SrtpProfile};
use trunkline_media::vp8::{Vp8Descriptor, starts_keyframe};

use super::{DATAGRAM_BYTES, Target};

pub(super) const RTP: Target = Target {
    name: "rtp",
    about: "RTP headers, extensions and VP8 descriptors: lengths stay within the packet",
    run: rtp,
    samples: rtp_samples,
    words: &[
        b"\xbe\xde\x00\x01",
        b"\x10\x00\x00\x01",
        b"\xbe\xde\xff\xff",
        b"\x00",
        b"\xf0",
        b"\x01",
    ],
    longest_bytes: DATAGRAM_BYTES,
};

pub(super) const RTCP: Target = Target {
    name: "rtcp",
    about: "compound RTCP: every walk ends and yields no more than its bytes can hold",
    run: rtcp,
    samples: rtcp_samples,
    words: &[b"\x81\xcd", b"\x81\xce", b"\x8f\xcd", b"\x8f\xce", b"REMB", b"\xff\xff", b"\xa0\xc9"],
    longest_bytes: DATAGRAM_BYTES,
};

pub(super) const SRTP: Target = Target {
    name: "srtp",
    about: "SRTP and SRTCP of both profiles: a changed or repeated packet never opens",
    run: srtp,
    samples: srtp_samples,
    words: &[b"\xbe\xde\x00\x01", b"\x80\xc9", b"\x80\x00\x00\x01"],
    longest_bytes: DATAGRAM_BYTES,
};

fn rtp(input: &[u8]) -> bool {
    let _ = is_rtcp(input);
    let Ok(header) = RtpHeader::parse(input) else { return false };
    assert!(header.header_len() <= input.len(), "a header longer than its packet");
    assert!(header.header_len() >= 12, "a header shorter than its fixed part");
    let mut bytes = 0_usize;
    for element in header.extensions(input) {
        bytes += element.value.len();
    }
    assert!(bytes <= header.header_len(), "extensions longer than the header");
    for id in [0, 1, 14, 15, u8::MAX] {
        let _ = header.extensions(input).value_of(id);
    }
    if let Ok(payload) = header.payload(input) {
        assert!(payload.len() + header.header_len() <= input.len());
        if let Some(descriptor) = Vp8Descriptor::parse(payload) {
            assert!(descriptor.len <= payload.len(), "a descriptor longer than its payload");
        }
        let is_keyframe = starts_keyframe(payload);
        assert!(!is_keyframe || payload.len() > 6, "a keyframe without its start code");
    }
    true
}

fn rtcp(input: &[u8]) -> bool {
    let mut packets = 0_usize;
    let mut is_well_formed = !input.is_empty();
    for packet in rtcp::packets(input) {
        packets += 1;
        match packet {
            Ok(packet) => {
                let items = items(packet);
                // A generic NACK names at most 17 packets with each of its four-byte words.
                assert!(items <= input.len() / 4 * 17 + 1, "{items} items");
            }
            Err(_) => is_well_formed = false,
        }
    }
    assert!(packets <= input.len() / 4 + 1, "{packets} packets in {} bytes", input.len());
    is_well_formed
}

fn items(packet: Packet<'_>) -> usize {
    match packet {
        Packet::Goodbye { ssrcs } => ssrcs.count(),
        Packet::FullIntraRequest { targets, .. } => targets.count(),
        Packet::Nack { losses, .. } => losses.count(),
        Packet::ReceiverReport { blocks, .. } | Packet::SenderReport { blocks, .. } => {
            blocks.count()
        }
        Packet::Other { .. }
        | Packet::PictureLoss { .. }
        | Packet::ReceiverEstimatedMaxBitrate { .. }
        | Packet::SourceDescription
        | Packet::TransportFeedback { .. } => 0,
    }
}

/// Opens the input under both profiles. Whoever has no key cannot make a packet, so what opens must
/// be one of the samples; and it opens once.
fn srtp(input: &[u8]) -> bool {
    let mut is_opened = false;
    for profile in PROFILES {
        let mut context = InboundContext::new(&keys(profile));
        if is_rtcp(input) {
            let opens = context.unprotect_rtcp(&mut input.to_vec()).is_ok();
            assert!(!opens || sealed().iter().any(|sample| sample == input), "forged SRTCP opens");
            let again = opens && context.unprotect_rtcp(&mut input.to_vec()).is_ok();
            assert!(!again, "SRTCP opens twice");
            is_opened |= opens;
        } else if let Ok(header) = RtpHeader::parse(input) {
            let opens = context.unprotect_rtp(&header, &mut input.to_vec()).is_ok();
            assert!(!opens || sealed().iter().any(|sample| sample == input), "forged SRTP opens");
            let again = opens && context.unprotect_rtp(&header, &mut input.to_vec()).is_ok();
            assert!(!again, "SRTP opens twice");
            is_opened |= opens;
        }
        assert!(context.source_count() <= 2, "a packet made more than one source");
    }
    is_opened
}

fn rtp_samples() -> Vec<Vec<u8>> {
    let one_byte = [0xbe, 0xde, 0, 2, 0x10, 0x85, 0x31, b'1', b'2', 0, 0, 0];
    let two_byte = [0x10, 0x00, 0, 2, 1, 1, 0x85, 3, 0, 4, 2, 7];
    let csrcs = [&[0x82, 111, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4][..], &[0; 8], b"opus"].concat();
    let padded = [&[0xa0, 96, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4][..], b"vp8", &[0, 0, 3]].concat();
    // As many elements of identifier 0 as fit a datagram: each is skipped, none may cost a frame of
    // the stack.
    let skipped = [&[0xbe, 0xde, 0x3f, 0xf0][..], &[0x01; 0x3ff0 * 4]].concat();
    vec![
        packet(111, &[]),
        packet(111, &one_byte),
        packet(96, &two_byte),
        packet(111, &skipped),
        csrcs,
        video(1),
        padded,
    ]
}

/// One packet of speech with its level.
pub(super) fn audio(sequence_number: u16) -> Vec<u8> {
    let fields = HeaderFields { sequence_number, ..FIELDS };
    written(&fields, &[0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0], b"opus")
}

/// One packet of a keyframe.
pub(super) fn video(sequence_number: u16) -> Vec<u8> {
    let fields = HeaderFields { sequence_number, ssrc: SSRC + 1, payload_type: 96, ..FIELDS };
    let vp8 = [0x90, 0xe0, 0x81, 0x02, 0x07, 0x40, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 64, 0];
    written(&fields, &[], &vp8)
}

fn packet(payload_type: u8, extension: &[u8]) -> Vec<u8> {
    written(&HeaderFields { payload_type, ..FIELDS }, extension, b"payload of a packet")
}

fn written(fields: &HeaderFields, extension: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12 + extension.len()];
    write_header(fields, extension, &mut packet).expect("the buffer has the header's length");
    packet.extend_from_slice(payload);
    packet
}

pub(super) fn rtcp_samples() -> Vec<Vec<u8>> {
    let mut writer = CompoundWriter::default();
    let report =
        SenderReport { ssrc: 1, ntp: 1 << 40, rtp_timestamp: 9, packet_count: 3, octet_count: 480 };
    writer.sender_report(&report, &[ReportBlock { ssrc: 2, ..ReportBlock::default() }]);
    writer.source_description(&[1], "cname");
    writer.nack(1, 2, &[5, 6, 7, 40]);
    writer.picture_loss(1, 2);
    writer.full_intra_request(1, 2, 3);
    writer.receiver_estimated_max_bitrate(1, 2_500_000, &[2, 3]);
    writer.goodbye(&[1]);
    let whole = writer.as_bytes().to_vec();
    let mut writer = CompoundWriter::default();
    writer.receiver_report(7, &[ReportBlock::default(); 2]);
    vec![whole, writer.as_bytes().to_vec()]
}

fn srtp_samples() -> Vec<Vec<u8>> {
    sealed().to_vec()
}

fn sealed() -> &'static [Vec<u8>] {
    static SEALED: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEALED.get_or_init(|| {
        let mut sealed = Vec::new();
        for profile in PROFILES {
            let mut context = OutboundContext::new(&peer_keys(profile));
            let mut rtp = packet(111, &[0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
            context.protect_rtp(65_535, &mut rtp).expect("a whole packet is sealed");
            sealed.push(rtp);
            for mut rtcp in rtcp_samples() {
                context.protect_rtcp(&mut rtcp).expect("a whole packet is sealed");
                sealed.push(rtcp);
            }
        }
        sealed
    })
}

pub(super) fn keys(profile: SrtpProfile) -> SrtpKeys {
    let material = vec![0x5a; profile.keying_material_len()];
    SrtpKeys::for_dtls_server(profile, &material).expect("the material has the profile's length")
}

/// Both directions have the same key here, so that what one side seals the other opens.
fn peer_keys(profile: SrtpProfile) -> SrtpKeys {
    keys(profile)
}

pub(super) const PROFILES: [SrtpProfile; 2] =
    [SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80];

/// The source of the samples.
pub(super) const SSRC: u32 = 0x1234_5678;

const FIELDS: HeaderFields = HeaderFields {
    marker: true,
    payload_type: 111,
    sequence_number: 65_535,
    timestamp: 90_000,
    ssrc: SSRC,
};
