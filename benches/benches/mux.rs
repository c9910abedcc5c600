//! What telling packets apart costs: RTP from RTCP, header and extensions, compound RTCP.

use std::hint::black_box;

use criterion::{criterion_group, criterion_main};
use trunkline_benches::{ThreadCpuTime, criterion};
use trunkline_media::{
    rtcp::{self, CompoundWriter, ReportBlock, SenderReport},
    rtp::{RtpHeader, is_rtcp},
    vp8,
};

fn mux(criterion: &mut criterion::Criterion<ThreadCpuTime>) {
    let mut group = criterion.benchmark_group("mux");
    let mut packet = vec![0x90, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2];
    packet.extend([0xbe, 0xde, 0, 2, 0x10, 30, 0x51, 0, 9, 0x30, b'0', 0]);
    packet.resize(packet.len() + 160, 0x5a);
    group.bench_function("is_rtcp", |bencher| bencher.iter(|| is_rtcp(black_box(&packet))));
    group.bench_function("rtp_header_and_extensions", |bencher| {
        bencher.iter(|| {
            let packet = black_box(packet.as_slice());
            let header = RtpHeader::parse(packet).expect("the packet is well-formed");
            let values: usize =
                header.extensions(packet).map(|extension| extension.value.len()).sum();
            (header.ssrc, values)
        });
    });
    let mut writer = CompoundWriter::default();
    let report =
        SenderReport { ssrc: 1, ntp: 2, rtp_timestamp: 3, packet_count: 4, octet_count: 5 };
    group.bench_function("write_compound", |bencher| {
        bencher.iter(|| {
            writer.clear();
            writer.sender_report(black_box(&report), &[ReportBlock::default(); 2]);
            writer.source_description(&[1], "bench");
            writer.nack(1, 2, &[10, 11, 12, 40]);
            writer.as_bytes().len()
        });
    });
    group.bench_function("read_compound", |bencher| {
        bencher.iter(|| rtcp::packets(black_box(writer.as_bytes())).filter(Result::is_ok).count());
    });
    let payload = [0x90, 0x80, 0x81, 0x23, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0, 0];
    group.bench_function("vp8_keyframe", |bencher| {
        bencher.iter(|| vp8::starts_keyframe(black_box(&payload)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = mux
}
criterion_main!(benches);
