// How well media flows, as the browser counts it.

import { Features, type MediaStatsReportSample, type MediaStatsStream } from '@trunkline/calling';
import { useEffect, useState } from 'react';

import { text } from '../strings';
import { Note } from '../ui/parts';
import type { CallRoom } from './room';
import type { CallView } from './view';

const KINDS = ['audio', 'video', 'screenShare'] as const;
const DIRECTIONS = ['send', 'receive'] as const;
/** Beyond these a talk suffers: half a second there and back, thirty milliseconds of unsteadiness. */
const POOR_ROUND_TRIP_MS = 500;
const FAIR_ROUND_TRIP_MS = 250;
const POOR_JITTER_MS = 60;
const FAIR_JITTER_MS = 30;

export function QualityPane({ room, view }: { room: CallRoom; view: CallView }) {
  const [sample, setSample] = useState<MediaStatsReportSample | undefined>(undefined);
  useEffect(() => {
    const collector = room.call.feature(Features.MediaStats).createCollector();
    collector.on('sampleReported', setSample);
    return () => {
      collector.off('sampleReported', setSample);
      collector.dispose();
    };
  }, [room]);
  // The pool of a call has lines that carry nothing at the moment.
  const flows = KINDS.flatMap((kind) => DIRECTIONS.flatMap((direction) => (
    (sample?.[kind][direction] ?? []).map((stream) => ({ kind, direction, stream })))));
  if (flows.length === 0) return <Note>{text.quality.none}</Note>;
  return (
    <div className="quality">
      <p className="quality-verdict" role="status">{text.quality.verdict(verdict(flows.map(({ stream }) => stream), view))}</p>
      {flows.map(({ kind, direction, stream }) => <Flow key={`${direction}-${kind}-${stream.id}`} title={`${text.quality.kinds[kind]} · ${text.quality[direction]}`} stream={stream} />)}
    </div>
  );
}

function Flow({ title, stream }: { title: string; stream: MediaStatsStream }) {
  const { codecName, bitrate, packetsPerSecond, packetsLossTotal, jitterInMs, pairRttInMs, frameWidth, frameHeight, frameRate } = stream;
  const figures: [string, string][] = [
    [text.quality.codec, codecName],
    [text.quality.bitrate, `${Math.round(bitrate / 1000)} kbit/s`],
    [text.quality.packets, String(Math.round(packetsPerSecond))],
    [text.quality.lost, String(packetsLossTotal)],
    [text.quality.jitter, `${Math.round(jitterInMs)} ms`],
    [text.quality.roundTrip, `${Math.round(pairRttInMs)} ms`],
  ];
  if (frameWidth && frameHeight) figures.push([text.quality.picture, `${frameWidth}×${frameHeight}${frameRate ? `, ${Math.round(frameRate)}/s` : ''}`]);
  return (
    <section className="flow">
      <h3>{title}</h3>
      <dl>{figures.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </section>
  );
}

function verdict(streams: readonly MediaStatsStream[], { troubles }: CallView): string {
  const worst = (figure: (stream: MediaStatsStream) => number) => Math.max(...streams.map(figure));
  const roundTrip = worst(({ pairRttInMs }) => pairRttInMs);
  const jitter = worst(({ jitterInMs }) => jitterInMs);
  if (troubles.includes('networkPoor') || roundTrip > POOR_ROUND_TRIP_MS || jitter > POOR_JITTER_MS) return text.quality.poor;
  return roundTrip > FAIR_ROUND_TRIP_MS || jitter > FAIR_JITTER_MS ? text.quality.fair : text.quality.good;
}
