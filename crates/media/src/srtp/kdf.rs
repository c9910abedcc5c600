//! Key derivation ([RFC 3711 §4.3](https://www.rfc-editor.org/rfc/rfc3711#section-4.3)), key
//! derivation rate zero.

use aes::{
    Aes128,
    cipher::{BlockEncrypt, KeyInit},
};

use super::MasterKey;

/// What a derived key is for; the value is the derivation label.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Derives `N` bytes for a label.
pub(super) fn derive<const N: usize>(master: &MasterKey, label: Label) -> [u8; N] {
    let cipher = Aes128::new(&master.key.into());
    let mut out = [0; N];
    for (counter, chunk) in out.chunks_mut(16).enumerate() {
        let mut block = [0; 16];
        block[..14].copy_from_slice(&master.salt);
        // The label sits above the 48-bit (index DIV rate), which is zero.
        block[7] ^= label as u8;
        block[14..].copy_from_slice(&(counter as u16).to_be_bytes());
        let mut block = block.into();
        cipher.encrypt_block(&mut block);
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{super::SrtpProfile, *};

    // RFC 3711, appendix B.3.
    #[test]
    fn derivation_matches_rfc_3711() {
        let key = [
            0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde,
            0x41, 0x39,
        ];
        let salt =
            [0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6];
        let master = MasterKey::new(SrtpProfile::Aes128CmHmacSha1_80, &key, &salt).unwrap();
        assert_eq!(
            derive::<16>(&master, Label::RtpEncryption),
            [
                0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee, 0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7,
                0xa0, 0x87
            ]
        );
        assert_eq!(
            derive::<14>(&master, Label::RtpSalt),
            [0x30, 0xcb, 0xbc, 0x08, 0x86, 0x3d, 0x8c, 0x85, 0xd4, 0x9d, 0xb3, 0x4a, 0x9a, 0xe1]
        );
        let authentication: [u8; 94] = derive(&master, Label::RtpAuthentication);
        assert_eq!(
            authentication[..20],
            [
                0xce, 0xbe, 0x32, 0x1f, 0x6f, 0xf7, 0x71, 0x6b, 0x6f, 0xd4, 0xab, 0x49, 0xaf, 0x25,
                0x6a, 0x15, 0x6d, 0x38, 0xba, 0xa4
            ]
        );
    }
}
