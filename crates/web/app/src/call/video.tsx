// A picture: what the calling package draws, put into the page.

import { VideoStreamRenderer, type LocalVideoStream, type RemoteVideoStream } from '@trunkline/calling';
import { useEffect, useRef } from 'react';

interface Props {
  stream: LocalVideoStream | RemoteVideoStream;
  isMirrored?: boolean;
  /** Whether all of the picture is shown rather than all of the place filled. */
  isWhole?: boolean;
  onFailed?: () => void;
}

export function Video({ stream, isMirrored = false, isWhole = false, onFailed }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const failed = useRef(onFailed);
  failed.current = onFailed;
  useEffect(() => {
    const renderer = new VideoStreamRenderer(stream);
    let isGone = false;
    renderer.createView({ isMirrored, scalingMode: isWhole ? 'Fit' : 'Crop' }).then(
      ({ target }) => { if (!isGone) place.current?.append(target); },
      () => { if (!isGone) failed.current?.(); },
    );
    return () => {
      isGone = true;
      renderer.dispose();
    };
  }, [stream, isMirrored, isWhole]);
  return <div ref={place} className="video" />;
}
