//! Secrets: never printed, sealed at rest with AES-256-GCM.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    path::Path,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf, hmac, rand,
};

/// Bytes that must not be seen, such as what signs deliveries.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Keeps bytes as a secret.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}

/// The key that seals secrets at rest. It lives in a file of its own, so that a copy of the database
/// alone gives no secret away.
#[derive(Clone)]
pub struct SealingKey([u8; SealingKey::BYTES]);

impl SealingKey {
    /// The length of a key in bytes.
    pub const BYTES: usize = 32;

    /// Makes a key from bytes that the caller drew.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads the key from a file; makes the file with a fresh key, readable by its owner alone, when
    /// there is none.
    ///
    /// # Errors
    /// Those of the file; `InvalidData` when it does not hold a key.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match fs::File::open(path) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    fn read(file: fs::File) -> io::Result<Self> {
        let mut bytes = Vec::with_capacity(Self::BYTES + 1);
        file.take(Self::BYTES as u64 + 1).read_to_end(&mut bytes)?;
        let bytes = <[u8; Self::BYTES]>::try_from(bytes).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "the file does not hold a key of 32 bytes")
        })?;
        Ok(Self(bytes))
    }

    /// Writes beside the place and links into it: a crash leaves no file or a whole one, and of two
    /// processes at once both end up with the key that came first.
    fn create(path: &Path) -> io::Result<Self> {
        let mut bytes = [0; Self::BYTES];
        rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness for a key"))?;
        let staged = path.with_extension(format!("new-{}", std::process::id()));
        let mut file = private_file(fs::OpenOptions::new().write(true).create(true).truncate(true))
            .open(&staged)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        let linked = fs::hard_link(&staged, path);
        fs::remove_file(&staged)?;
        match linked {
            Ok(()) => {
                sync_directory_of(path)?;
                Ok(Self(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(fs::File::open(path)?)
            }
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(<redacted>)")
    }
}

/// Makes an option set create files that only their owner can read.
pub(crate) fn private_file(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes a new name in a directory survive a power cut.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}

/// Seals and opens. What is sealed for one place does not open in another.
pub(crate) struct Sealer {
    key: RandomizedNonceKey,
    digest_key: hmac::Key,
}

/// Says that sealed bytes do not open: they are damaged, or were sealed with another key or for
/// another place.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("sealed bytes do not open")]
pub(crate) struct SealBroken;

impl Sealer {
    /// The length of a digest in bytes.
    pub(crate) const DIGEST_BYTES: usize = 32;

    pub(crate) fn new(key: &SealingKey) -> Self {
        let digest_key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
            .extract(&key.0)
            .expand(&[b"trunkline/digest"], hmac::HMAC_SHA256)
            .expect("one block is less than the 255 that HKDF gives")
            .into();
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key.0)
            .expect("AES-256-GCM takes every key of 32 bytes");
        Self { key, digest_key }
    }

    /// Seals bytes for a place, under a nonce drawn at random: fine for 2^32 secrets of one key.
    pub(crate) fn seal(&self, place: &str, plain: &[u8]) -> Vec<u8> {
        let mut body = plain.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place), &mut body)
            .expect("a secret is shorter than the 64 GiB that GCM seals");
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        sealed
    }

    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealBroken> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(SealBroken);
        };
        let (nonce, body) = rest.split_at_checked(NONCE_BYTES).ok_or(SealBroken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealBroken)?;
        let mut body = body.to_vec();
        let plain =
            self.key.open_in_place(nonce, Aad::from(place), &mut body).map_err(|_| SealBroken)?;
        Ok(plain.to_vec())
    }

    /// Returns what finds a secret again without telling it: the same for the same place and bytes,
    /// and nothing to guess by for who has not got the key.
    pub(crate) fn digest(&self, place: &str, plain: &[u8]) -> [u8; Self::DIGEST_BYTES] {
        let mut context = hmac::Context::with_key(&self.digest_key);
        context.update(place.as_bytes());
        context.update(&[0]);
        context.update(plain);
        let tag = context.sign();
        tag.as_ref().try_into().expect("HMAC-SHA-256 gives 32 bytes")
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(<redacted>)")
    }
}

/// The first byte of what is sealed in this way.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_and_with_its_key_only() {
        let sealer = Sealer::new(&SealingKey::from_bytes([7; 32]));
        let sealed = sealer.seal("resource/a/primary", b"the key");
        assert_eq!(sealer.open("resource/a/primary", &sealed).unwrap(), b"the key");
        assert_eq!(sealer.open("resource/b/primary", &sealed), Err(SealBroken));
        let other = Sealer::new(&SealingKey::from_bytes([8; 32]));
        assert_eq!(other.open("resource/a/primary", &sealed), Err(SealBroken));
    }

    #[test]
    fn sealed_bytes_that_were_touched_or_cut_do_not_open() {
        let sealer = Sealer::new(&SealingKey::from_bytes([7; 32]));
        let sealed = sealer.seal("place", b"the key");
        for at in 0..sealed.len() {
            let mut touched = sealed.clone();
            touched[at] ^= 1;
            assert_eq!(sealer.open("place", &touched), Err(SealBroken), "byte {at}");
            assert_eq!(sealer.open("place", &sealed[..at]), Err(SealBroken), "cut at {at}");
        }
    }

    #[test]
    fn the_same_secret_never_seals_alike() {
        let sealer = Sealer::new(&SealingKey::from_bytes([7; 32]));
        assert_ne!(sealer.seal("place", b"the key"), sealer.seal("place", b"the key"));
    }

    #[test]
    fn a_digest_depends_on_place_bytes_and_key() {
        let sealer = |byte| Sealer::new(&SealingKey::from_bytes([byte; 32]));
        let digest = sealer(7).digest("place", b"secret");
        assert_eq!(sealer(7).digest("place", b"secret"), digest);
        assert_ne!(sealer(8).digest("place", b"secret"), digest);
        assert_ne!(sealer(7).digest("other", b"secret"), digest);
        assert_ne!(sealer(7).digest("place", b"secrets"), digest);
        assert_ne!(sealer(7).digest("places", b"ecret"), digest);
    }

    #[test]
    fn a_key_file_is_made_once_and_then_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sealing-key");
        let made = SealingKey::load_or_create(&path).unwrap();
        assert_eq!(SealingKey::load_or_create(&path).unwrap().0, made.0);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sealing-key");
        for bytes in [&[0; 31][..], &[0; 33], &[]] {
            fs::write(&path, bytes).unwrap();
            let error = SealingKey::load_or_create(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = Secret::new(*b"hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(<redacted>)");
        assert_eq!(format!("{:?}", SealingKey::from_bytes([7; 32])), "SealingKey(<redacted>)");
    }
}
