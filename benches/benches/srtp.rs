//! SRTP against the bare cipher on payloads of the same sizes, and the ratio between them.

use std::{hint::black_box, time::Duration};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use criterion::{
    BatchSize, BenchmarkId, criterion_group, criterion_main, measurement::Measurement,
};
use trunkline_benches::{ThreadCpuTime, criterion};
use trunkline_media::{
    rtp::RtpHeader,
    srtp::{InboundContext, OutboundContext, SrtpKeys, SrtpProfile},
};

fn srtp(criterion: &mut criterion::Criterion<ThreadCpuTime>) {
    let mut group = criterion.benchmark_group("srtp");
    for size in SIZES {
        let key = bare_key();
        let mut payload = vec![0x5a; size];
        group.bench_function(BenchmarkId::new("bare_aes_128_gcm", size), |bencher| {
            bencher.iter(|| seal_bare(&key, black_box(&mut payload)));
        });
        for profile in [SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80] {
            let (sender, keys) = contexts(profile);
            let mut packet = Vec::with_capacity(2_048);
            let plain = plain_packet(size, 1);
            group.bench_function(BenchmarkId::new(format!("protect/{profile}"), size), |bencher| {
                bencher.iter(|| protect(&sender, black_box(&plain), &mut packet));
            });
            let mut receiver = InboundContext::new(&keys);
            let mut index = 0u64;
            group.bench_function(
                BenchmarkId::new(format!("unprotect/{profile}"), size),
                |bencher| {
                    bencher.iter_batched_ref(
                        || {
                            index += 1;
                            let mut packet = plain_packet(size, index as u16);
                            sender.protect_rtp(index, &mut packet).expect("packet is well-formed");
                            packet
                        },
                        |packet| {
                            let header = RtpHeader::parse(packet).expect("packet is well-formed");
                            receiver.unprotect_rtp(&header, packet).expect("packet is fresh")
                        },
                        BatchSize::LargeInput,
                    );
                },
            );
        }
    }
    group.finish();
    for size in SIZES {
        print_ratio(size);
    }
}

/// Measures both side by side in alternation, so that a change of clock speed hits both.
fn print_ratio(size: usize) {
    let key = bare_key();
    let (sender, _) = contexts(SrtpProfile::AeadAes128Gcm);
    let plain = plain_packet(size, 1);
    let mut packet = Vec::with_capacity(2_048);
    let mut payload = vec![0x5a; size];
    let mut ratios: Vec<f64> = (0..41)
        .map(|_| {
            let bare = time(|| seal_bare(&key, black_box(&mut payload)));
            let whole = time(|| protect(&sender, black_box(&plain), &mut packet));
            whole.as_secs_f64() / bare.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "srtp ratio {size} B: {:.2} of the bare cipher (median of 41; copying the packet included)",
        ratios[20]
    );
}

fn time(mut work: impl FnMut()) -> Duration {
    let start = ThreadCpuTime.start();
    for _ in 0..20_000 {
        work();
    }
    ThreadCpuTime.end(start)
}

fn seal_bare(key: &LessSafeKey, payload: &mut [u8]) {
    let nonce = Nonce::assume_unique_for_key([7; 12]);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from([0x80; 12]), payload)
        .expect("the payload is short enough");
    black_box(tag.as_ref());
}

fn protect(sender: &OutboundContext, plain: &[u8], packet: &mut Vec<u8>) {
    packet.clear();
    packet.extend_from_slice(plain);
    sender.protect_rtp(1, packet).expect("the packet is well-formed");
    black_box(packet.as_slice());
}

fn bare_key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[3; 16]).expect("the key has sixteen bytes"))
}

fn contexts(profile: SrtpProfile) -> (OutboundContext, SrtpKeys) {
    let material: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
    let client = SrtpKeys::for_dtls_client(profile, &material).expect("the length is right");
    let server = SrtpKeys::for_dtls_server(profile, &material).expect("the length is right");
    (OutboundContext::new(&client), server)
}

fn plain_packet(size: usize, sequence_number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    packet.resize(12 + size, 0x5a);
    packet
}

const SIZES: [usize; 2] = [160, 1_200];

criterion_group! {
    name = benches;
    config = criterion();
    targets = srtp
}
criterion_main!(benches);
