//! What forwarding one packet to one subscriber costs, in a room of so many subscribers.
//!
//! Each figure is nanoseconds of thread CPU for one forwarded packet. It contains its share of the
//! ingress: authenticating and decrypting the publisher's packet, once for all subscribers.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, criterion_group, criterion_main, measurement::Measurement};
use trunkline_benches::{
    ThreadCpuTime, criterion,
    scene::{Media, Scene},
};
use trunkline_media::srtp::SrtpProfile;

fn fanout(criterion: &mut criterion::Criterion<ThreadCpuTime>) {
    let mut group = criterion.benchmark_group("fanout");
    for subscribers in [1u64, 10, 100, 500] {
        for (name, media) in [("audio", Media::Audio), ("video", Media::Video)] {
            let mut scene = Scene::new(media, SrtpProfile::AeadAes128Gcm, subscribers);
            group.bench_function(BenchmarkId::new(subscribers.to_string(), name), |bencher| {
                bencher.iter_custom(|iterations| measure(&mut scene, subscribers, iterations));
            });
        }
    }
    group.finish();
}

fn fanout_cm80(criterion: &mut criterion::Criterion<ThreadCpuTime>) {
    let mut group = criterion.benchmark_group("fanout_cm80");
    for (name, media) in [("audio", Media::Audio), ("video", Media::Video)] {
        let mut scene = Scene::new(media, SrtpProfile::Aes128CmHmacSha1_80, 100);
        group.bench_function(BenchmarkId::new("100", name), |bencher| {
            bencher.iter_custom(|iterations| measure(&mut scene, 100, iterations));
        });
    }
    group.finish();
}

/// Forwards at least `iterations` packets and returns the time for exactly that many.
fn measure(scene: &mut Scene, subscribers: u64, iterations: u64) -> Duration {
    let mut rounds = iterations.div_ceil(subscribers);
    let published = rounds;
    let mut total = Duration::ZERO;
    while rounds > 0 {
        let batch = rounds.min(256);
        rounds -= batch;
        let mut packets = scene.packets(batch as usize);
        let now = scene.now();
        let publisher = scene.publisher;
        let start = ThreadCpuTime.start();
        for packet in &mut packets {
            scene.router.handle_packet(now, publisher, packet).expect("packet is forwarded");
            assert_eq!(scene.router.egress().entries().len() as u64, subscribers);
            black_box(scene.router.egress().bytes());
            scene.router.clear_egress();
        }
        total += ThreadCpuTime.end(start);
    }
    total.mul_f64(iterations as f64 / (published * subscribers) as f64)
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = fanout, fanout_cm80
}
criterion_main!(benches);
