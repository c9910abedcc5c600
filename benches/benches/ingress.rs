//! What one incoming packet costs before anything is forwarded: header, authentication, decryption,
//! track look-up, statistics, and what garbage costs.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, criterion_group, criterion_main, measurement::Measurement};
use trunkline_benches::{
    ThreadCpuTime, criterion,
    scene::{Media, Scene},
};
use trunkline_media::srtp::SrtpProfile;

fn ingress(criterion: &mut criterion::Criterion<ThreadCpuTime>) {
    let mut group = criterion.benchmark_group("ingress");
    for (name, media) in [("audio", Media::Audio), ("video", Media::Video)] {
        for profile in [SrtpProfile::AeadAes128Gcm, SrtpProfile::Aes128CmHmacSha1_80] {
            let mut scene = Scene::new(media, profile, 0);
            group.bench_function(BenchmarkId::new(name, profile), |bencher| {
                bencher.iter_custom(|iterations| measure(&mut scene, iterations, |_| {}));
            });
        }
    }
    let mut scene = Scene::new(Media::Audio, SrtpProfile::AeadAes128Gcm, 0);
    group.bench_function("forged", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(&mut scene, iterations, |packet| {
                if let Some(byte) = packet.last_mut() {
                    *byte ^= 1;
                }
            })
        });
    });
    let mut scene = Scene::new(Media::Audio, SrtpProfile::AeadAes128Gcm, 0);
    group.bench_function("garbage", |bencher| {
        bencher
            .iter_custom(|iterations| measure(&mut scene, iterations, |packet| packet.fill(0x17)));
    });
    group.finish();
}

fn measure(scene: &mut Scene, iterations: u64, spoil: impl Fn(&mut [u8])) -> Duration {
    let mut rest = iterations;
    let mut total = Duration::ZERO;
    while rest > 0 {
        let batch = rest.min(512);
        rest -= batch;
        let mut packets = scene.packets(batch as usize);
        packets.iter_mut().for_each(|packet| spoil(packet));
        let now = scene.now();
        let start = ThreadCpuTime.start();
        for packet in &mut packets {
            let _ = black_box(scene.router.handle_packet(now, scene.publisher, packet));
        }
        total += ThreadCpuTime.end(start);
    }
    total
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = ingress
}
criterion_main!(benches);
