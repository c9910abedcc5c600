// Features that this exchange has not: present, empty, and refusing with words.

import { NotSupportedError } from '../errors.js';
import type * as f from '../types/features.js';
import type * as v from '../types/values.js';
import { Feature } from './base.js';

export class BreakoutRooms extends Feature implements f.BreakoutRoomsCallFeature {
  readonly name = 'BreakoutRooms';
  readonly assignedBreakoutRooms = undefined;
  readonly breakoutRoomsSettings = undefined;
  readonly breakoutRooms: f.BreakoutRoom[] = [];
}

export class TogetherMode extends Feature implements f.TogetherModeCallFeature {
  readonly name = 'TogetherMode';
  readonly togetherModeStream: f.TogetherModeVideoStream[] = [];
  readonly togetherModeSeatingMap: v.TogetherModeSeatingMap = new Map();
  sceneSize: v.TogetherModeSceneSize = { width: 0, height: 0 };

  async start(): Promise<void> {
    throw new NotSupportedError('together mode');
  }
}

export class PPTLive extends Feature implements f.PPTLiveCallFeature {
  readonly name = 'PPTLive';
  readonly isActive = false;
  readonly target = undefined;
  readonly activePresenterId = undefined;
}

export class RealTimeText extends Feature implements f.RealTimeTextFeature {
  readonly name = 'RealTimeText';

  async sendRealTimeText(): Promise<void> {
    throw new NotSupportedError('real-time text');
  }
}

export class DataChannel extends Feature implements f.DataChannelCallFeature {
  readonly name = 'DataChannel';

  createDataChannelSender(): never {
    throw new NotSupportedError('a data channel');
  }
}
