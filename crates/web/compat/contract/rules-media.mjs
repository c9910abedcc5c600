// Rules about devices, streams and renderers.

import { expect, rejection, until } from './stage.mjs';

export const media = [
  {
    number: 15,
    title: 'an equal stream stops a video, and a preview needs no call',
    async check(stage) {
      const { LocalVideoStream, VideoStreamRenderer } = stage.calling;
      const ada = await stage.raw('Ada');
      const camera = await stage.camera(ada);
      const preview = new LocalVideoStream(camera);
      const view = await new VideoStreamRenderer(preview).createView({ isMirrored: true, scalingMode: 'Crop' });
      document.body.append(view.target);
      await until('the preview shows a picture', () => view.target.querySelector('video')?.videoWidth > 0
        || view.target.videoWidth > 0);
      expect(view.isMirrored === true && view.scalingMode === 'Crop', 'the view forgets how it was made');
      view.dispose();

      const [call] = await stage.gather(ada);
      await call.startVideo(new LocalVideoStream({ ...camera }));
      expect(call.localVideoStreams.length === 1 && call.isLocalVideoStarted, 'the video did not start');
      expect(call.localVideoStreams[0].source.id === camera.id, 'it is another camera');
      await call.stopVideo(new LocalVideoStream({ ...camera }));
      expect(call.localVideoStreams.length === 0 && !call.isLocalVideoStarted, 'the video did not stop');
    },
  },
  {
    number: 16,
    title: 'cameras have names and keep their ids',
    async check(stage) {
      const ada = await stage.raw('Ada', { agent: false });
      const manager = await ada.client.getDeviceManager();
      const access = await manager.askDevicePermission({ audio: true, video: true });
      expect(access.audio === true && access.video === true, 'the permission is not told');
      const cameras = await manager.getCameras();
      expect(cameras.length > 0, 'there is no camera');
      expect(cameras.every(({ name, id, deviceType }) => name && id && deviceType), 'a camera lacks its name, id or type');
      const again = await manager.getCameras();
      expect(JSON.stringify(cameras.map(({ id }) => id)) === JSON.stringify(again.map(({ id }) => id)), 'the ids change');
      const microphones = await manager.getMicrophones();
      expect(microphones.every(({ name, id }) => name && id), 'a microphone lacks its name or id');
      expect(new Set(microphones.map(({ id }) => id)).size === microphones.length, 'two microphones have one id');
      expect(manager.selectedMicrophone, 'no microphone is selected');
      return { cameras: cameras.length, microphones: microphones.length };
    },
  },
  {
    number: 17,
    title: 'views and renderers can be thrown away twice, and an ended stream has no view',
    async check(stage) {
      const { LocalVideoStream, VideoStreamRenderer } = stage.calling;
      const [ada, ben] = [await stage.raw('Ada'), await stage.raw('Ben')];
      const [sending, receiving] = await stage.gather(ada, ben);
      const own = new LocalVideoStream(await stage.camera(ada));
      await sending.startVideo(own);
      const stream = await until('the video is offered', () => (
        receiving.remoteParticipants[0].videoStreams.find(({ isAvailable }) => isAvailable)));
      const renderer = new VideoStreamRenderer(stream);
      const view = await renderer.createView();
      document.body.append(view.target);
      await until('the video is received', () => stream.isReceiving && stream.size.width > 0);
      await view.updateScalingMode('Fit');
      view.dispose();
      view.dispose();
      expect(!view.target.isConnected || view.target.querySelector('video') === null
        || view.target.querySelector('video').srcObject === null, 'a view that was thrown away still shows');
      renderer.dispose();
      renderer.dispose();
      await sending.stopVideo(own);
      await until('the video is over', () => !stream.isAvailable);
      const error = await rejection('createView', () => new VideoStreamRenderer(stream).createView());
      expect(error instanceof Error, 'it rejects with no Error');
    },
  },
];
