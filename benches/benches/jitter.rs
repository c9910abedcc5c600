//! What a client's jitter buffer costs for each 20 ms of sound, on even and on jittery arrival.

use std::{hint::black_box, time::Duration};

use criterion::{criterion_group, criterion_main};
use trunkline_benches::{ThreadCpuTime, criterion};
use trunkline_clock::Instant;
use trunkline_media::jitter::{AudioPacket, JitterBuffer, JitterConfig};

fn jitter(criterion: &mut criterion::Criterion<ThreadCpuTime>) {
    let mut group = criterion.benchmark_group("jitter");
    for (name, spread) in [("even", 0), ("jittery", 60)] {
        let mut buffer = JitterBuffer::new(JitterConfig::default());
        let mut tick = 0u64;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                tick += 1;
                let late = (tick.wrapping_mul(0x9e37_79b9) >> 7) % (spread + 1);
                let packet = AudioPacket {
                    sequence_number: tick as u16,
                    timestamp: (tick as u32).wrapping_mul(960),
                    payload: vec![0xf8; 80],
                };
                let now = Instant::ZERO + Duration::from_millis(tick * 20);
                let _ = buffer.insert(now + Duration::from_millis(late), packet);
                black_box(buffer.next(now))
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = jitter
}
criterion_main!(benches);
