//! Opus, 48 kHz mono: the one place where the codec library's raw pointers are touched.

use std::ptr::NonNull;

use thiserror::Error;
use unsafe_libopus::{
    OPUS_APPLICATION_VOIP, OPUS_OK, OPUS_SET_BITRATE_REQUEST, OPUS_SET_COMPLEXITY_REQUEST,
    OPUS_SET_DTX_REQUEST, OPUS_SET_INBAND_FEC_REQUEST, OPUS_SET_PACKET_LOSS_PERC_REQUEST,
    OpusDecoder, OpusEncoder, opus_decode, opus_decoder_create, opus_decoder_destroy, opus_encode,
    opus_encoder_create, opus_encoder_ctl, opus_encoder_destroy,
};

use super::{FRAME_SAMPLES, SAMPLE_RATE_HZ};

/// Encodes frames of 20 ms.
#[derive(Debug)]
pub(crate) struct Encoder(NonNull<OpusEncoder>);

/// Decodes packets to frames.
#[derive(Debug)]
pub(crate) struct Decoder(NonNull<OpusDecoder>);

/// The codec library refused, with its own number.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("opus error {0}")]
pub(crate) struct OpusError(i32);

// SAFETY: the state behind the pointer belongs to this value alone, holds no thread-local data, and
// every use takes `&mut self`.
unsafe impl Send for Encoder {}
// SAFETY: as for `Encoder`.
unsafe impl Send for Decoder {}

impl Encoder {
    /// Makes an encoder for speech with in-band forward error correction.
    pub(crate) fn new(bitrate_bps: i32) -> Result<Self, OpusError> {
        let mut error = OPUS_OK;
        // SAFETY: `error` is a valid place for the result; the returned pointer is checked below.
        let state = unsafe {
            opus_encoder_create(SAMPLE_RATE_HZ as i32, 1, OPUS_APPLICATION_VOIP, &raw mut error)
        };
        let state = NonNull::new(state).filter(|_| error == OPUS_OK).ok_or(OpusError(error))?;
        let mut encoder = Self(state);
        encoder.set(OPUS_SET_BITRATE_REQUEST, bitrate_bps)?;
        encoder.set(OPUS_SET_COMPLEXITY_REQUEST, COMPLEXITY)?;
        encoder.set(OPUS_SET_INBAND_FEC_REQUEST, 1)?;
        encoder.set(OPUS_SET_PACKET_LOSS_PERC_REQUEST, EXPECTED_LOSS_PERCENT)?;
        encoder.set(OPUS_SET_DTX_REQUEST, 0)?;
        Ok(encoder)
    }

    /// Encodes one frame into `packet` and returns the packet's length.
    pub(crate) fn encode(
        &mut self,
        frame: &[i16; FRAME_SAMPLES],
        packet: &mut [u8; MAX_PACKET_BYTES],
    ) -> Result<usize, OpusError> {
        // SAFETY: the state is live, the input holds exactly the samples announced, and the output
        // holds exactly the bytes announced.
        let length = unsafe {
            opus_encode(
                self.0.as_ptr(),
                frame.as_ptr(),
                FRAME_SAMPLES as i32,
                packet.as_mut_ptr(),
                MAX_PACKET_BYTES as i32,
            )
        };
        usize::try_from(length).map_err(|_| OpusError(length))
    }

    fn set(&mut self, request: i32, value: i32) -> Result<(), OpusError> {
        // SAFETY: the state is live and each of these requests takes one integer.
        let result = unsafe { opus_encoder_ctl!(self.0.as_ptr(), request, value) };
        if result == OPUS_OK { Ok(()) } else { Err(OpusError(result)) }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the state is live and not used after this.
        unsafe { opus_encoder_destroy(self.0.as_ptr()) }
    }
}

impl Decoder {
    /// Makes a decoder.
    pub(crate) fn new() -> Result<Self, OpusError> {
        let mut error = OPUS_OK;
        // SAFETY: `error` is a valid place for the result; the returned pointer is checked below.
        let state = unsafe { opus_decoder_create(SAMPLE_RATE_HZ as i32, 1, &raw mut error) };
        let state = NonNull::new(state).filter(|_| error == OPUS_OK).ok_or(OpusError(error))?;
        Ok(Self(state))
    }

    /// Decodes a packet of up to 120 ms and returns the number of samples written.
    pub(crate) fn decode(
        &mut self,
        packet: &[u8],
        samples: &mut [i16; MAX_FRAME_SAMPLES],
    ) -> Result<usize, OpusError> {
        self.run(packet, &mut samples[..], false)
    }

    /// Recovers the packet of the same length before a packet that [`has_error_correction`].
    pub(crate) fn recover(
        &mut self,
        next_packet: &[u8],
        samples: &mut [i16],
    ) -> Result<usize, OpusError> {
        self.run(next_packet, samples, true)
    }

    fn run(
        &mut self,
        packet: &[u8],
        samples: &mut [i16],
        is_recovery: bool,
    ) -> Result<usize, OpusError> {
        // An empty packet means loss to the library, which is not what a caller of `decode` means.
        if packet.is_empty() {
            return Err(OpusError(unsafe_libopus::OPUS_BAD_ARG));
        }
        let length = i32::try_from(packet.len()).map_err(|_| OpusError(0))?;
        let room = i32::try_from(samples.len()).map_err(|_| OpusError(0))?;
        // SAFETY: the state is live, the input holds `length` bytes, and the output has room for
        // `room` samples of one channel.
        let decoded = unsafe {
            opus_decode(
                self.0.as_ptr(),
                packet.as_ptr(),
                length,
                samples.as_mut_ptr(),
                room,
                i32::from(is_recovery),
            )
        };
        usize::try_from(decoded).map_err(|_| OpusError(decoded))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the state is live and not used after this.
        unsafe { opus_decoder_destroy(self.0.as_ptr()) }
    }
}

/// Returns whether a packet carries error correction for the one before it: the first frame is coded
/// by SILK, alone or in hybrid, and its LBRR flag is set
/// ([RFC 6716 §4.2.3](https://www.rfc-editor.org/rfc/rfc6716#section-4.2.3)).
pub(crate) fn has_error_correction(packet: &[u8]) -> bool {
    let [toc, header, ..] = packet else { return false };
    let (config, code) = (toc >> 3, toc & 3);
    // The flags of voice activity come first, one for each 20 ms begun. Each flag takes half of the
    // range coder's interval, so they are the first bits as they stand.
    let frames = match config {
        0..=11 => [1, 1, 2, 3][usize::from(config % 4)],
        12..=15 => 1,
        16.. => return false,
    };
    code == 0 && header & (0x80 >> frames) != 0
}

/// More never fits a packet of an ordinary network.
pub(crate) const MAX_PACKET_BYTES: usize = 1_275;

/// 120 ms, the longest packet there is.
pub(crate) const MAX_FRAME_SAMPLES: usize = 5_760;

/// Transparent speech in full band; twice as much is not heard, half as much is.
pub(crate) const BITRATE_BPS: i32 = 40_000;

/// Of 10. Each step costs CPU; above 5 the gain on speech is not audible.
const COMPLEXITY: i32 = 5;

/// What the error correction is dimensioned for: larger takes bits from clear sound.
const EXPECTED_LOSS_PERCENT: i32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_packets_are_refused_without_panic() {
        let mut decoder = Decoder::new().unwrap();
        let mut samples = [0; MAX_FRAME_SAMPLES];
        let mut seed = 1_u32;
        for length in 0..200 {
            let packet: Vec<u8> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            if let Ok(decoded) = decoder.decode(&packet, &mut samples) {
                assert!(decoded <= MAX_FRAME_SAMPLES);
            }
        }
        assert!(decoder.decode(&[], &mut samples).is_err());
    }

    fn tone(number: usize) -> [i16; FRAME_SAMPLES] {
        std::array::from_fn(|n| {
            let time = (number * FRAME_SAMPLES + n) as f64 / 48_000.0;
            (10_000.0 * (std::f64::consts::TAU * 440.0 * time).sin()) as i16
        })
    }

    #[test]
    fn error_correction_is_recognized_and_recovers_a_lost_packet() {
        let mut encoder = Encoder::new(BITRATE_BPS).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let mut packet = [0; MAX_PACKET_BYTES];
        let mut recovered = 0;
        for number in 0..100 {
            let length = encoder.encode(&tone(number), &mut packet).unwrap();
            let packet = &packet[..length];
            let mut samples = [0; MAX_FRAME_SAMPLES];
            // Every tenth packet is lost.
            if number % 10 == 9 {
                continue;
            }
            if number > 0 && number % 10 == 0 && has_error_correction(packet) {
                let count = decoder.recover(packet, &mut samples[..FRAME_SAMPLES]).unwrap();
                let peak = samples[..count].iter().map(|sample| sample.unsigned_abs()).max();
                assert!((5_000..14_000).contains(&peak.unwrap()), "{number}: {peak:?}");
                recovered += 1;
            }
            let count = decoder.decode(packet, &mut samples).unwrap();
            let peak = samples[..count].iter().map(|sample| sample.unsigned_abs()).max();
            assert!(peak.unwrap() < 14_000, "{number}: {peak:?}");
        }
        assert!(recovered >= 1, "no packet carried error correction");
    }

    #[test]
    fn packets_without_silk_carry_no_error_correction() {
        // CELT alone, SILK without the flag, SILK with it, two frames in a packet, and stubs.
        let check = |packet: &[u8]| has_error_correction(packet);
        assert!(!check(&[31 << 3, 0xff]));
        assert!(!check(&[9 << 3, 0b1011_1111]));
        assert!(check(&[9 << 3, 0b0100_0000]));
        assert!(check(&[15 << 3, 0b1100_0000]));
        assert!(check(&[11 << 3, 0b0001_0000]));
        assert!(!check(&[(9 << 3) | 1, 0xff]));
        assert!(!check(&[9 << 3]) && !check(&[]));
    }
}
