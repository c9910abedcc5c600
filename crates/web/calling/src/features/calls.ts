// Features of a call that the exchange carries today, or answers for honestly.

import { NotSupportedError, wrongArgument, wrongState } from '../errors.js';
import { bindMethods, Emitter } from '../emitter.js';
import { VIDEO_TILES } from '../peer.js';
import type { RemoteParticipantImpl } from '../participant.js';
import { rawIdOf } from '../identifiers.js';
import { TransferState, type TransferStateChanged } from '../gen/trunkline/calling/v1/calling_pb.js';
import { endReason, refusalReason } from '../reasons.js';
import type * as f from '../types/features.js';
import type * as v from '../types/values.js';
import { Feature, type Context } from './base.js';

export class Recording extends Feature implements f.RecordingCallFeature {
  readonly name = 'Recording';
  readonly isRecordingActive = false;
  readonly recordings: f.RecordingInfo[] = [];
  readonly isTeamsConsentRequired = false;

  async grantTeamsConsent(): Promise<void> {
    throw new NotSupportedError('consent to recording');
  }
}

export class Transcription extends Feature implements f.TranscriptionCallFeature {
  readonly name = 'Transcription';
  readonly isTranscriptionActive = false;
  readonly isTeamsConsentRequired = false;

  async grantTeamsConsent(): Promise<void> {
    throw new NotSupportedError('consent to transcription');
  }
}

class TransferImpl extends Emitter implements f.Transfer {
  state: v.TransferState = 'None';
  error: v.TransferErrorCode | undefined;

  constructor() {
    super();
    bindMethods(this);
    setTimeout(() => this.moveTo('Transferring'), 0);
  }

  moveTo(state: v.TransferState): void {
    this.state = state;
    this.emit('stateChanged');
  }

  fail(reason: v.TransferErrorCode): void {
    this.error = reason;
    this.moveTo('Failed');
  }
}

/** Hands this side's place over to somebody else. Whoever stays in the call stays in the same one. */
export class Transfer extends Feature implements f.TransferCallFeature {
  readonly name = 'Transfer';
  /** What was asked for, in order: the exchange lets one go on at a time. */
  private asked: TransferImpl[] = [];

  constructor(context: Context) {
    super(context);
    this.call.inner.on('transfer', (change: TransferStateChanged) => this.changed(change));
  }

  transfer(target: v.TransferToParticipantLocator | v.TransferToCallLocator | v.TransferToVoicemailLocator): f.Transfer {
    if (this.call.isOver) throw wrongState('the call is over');
    const transfer = new TransferImpl();
    if ('targetParticipant' in target) {
      const request = this.call.command('transferCall', { target: rawIdOf(target.targetParticipant) });
      this.asked.push(transfer);
      // Not before it was seen to begin.
      request.catch((error) => setTimeout(() => this.fail(transfer, refusalReason(error)), 0));
    } else {
      if ('targetParticipantVoicemail' in target) rawIdOf(target.targetParticipantVoicemail);
      else if (!target.targetCallId) throw wrongArgument('the target names nobody');
      setTimeout(() => transfer.fail(new NotSupportedError('such a transfer')), 0);
    }
    return transfer;
  }

  private changed({ state, transferorId, targetId, reason }: TransferStateChanged): void {
    const own = this.call.info.participantId;
    const isAccepted = state === TransferState.ACCEPTED;
    if (transferorId !== own) {
      if (isAccepted && targetId !== own) this.emit('transferAccepted', { targetCall: this.call });
      return;
    }
    const [transfer] = this.asked;
    if (!transfer) return;
    if (isAccepted) {
      this.asked.shift();
      transfer.moveTo('Transferred');
    } else if (state === TransferState.FAILED) {
      this.fail(transfer, endReason(reason));
    }
  }

  private fail(transfer: TransferImpl, reason: v.TransferErrorCode): void {
    this.asked = this.asked.filter((other) => other !== transfer);
    transfer.fail(reason);
  }
}

class CaptionsImpl extends Emitter implements f.Captions {
  readonly kind = 'Captions';
  readonly supportedSpokenLanguages: string[] = [];
  isCaptionsFeatureActive = false;
  readonly activeSpokenLanguage = '';

  constructor() {
    super();
    bindMethods(this);
  }

  async startCaptions(): Promise<void> {
    throw new NotSupportedError('captions');
  }

  async stopCaptions(): Promise<void> {
    this.setActive(false);
  }

  async setSpokenLanguage(): Promise<void> {
    throw new NotSupportedError('captions');
  }

  /** @internal Takes a line. The exchange has none to give, but whoever has shows it like this. */
  take(line: v.CaptionsInfo): void {
    this.setActive(true);
    this.emit('CaptionsReceived', line);
  }

  private setActive(isActive: boolean): void {
    if (isActive === this.isCaptionsFeatureActive) return;
    this.isCaptionsFeatureActive = isActive;
    this.emit('CaptionsActiveChanged');
  }
}

export class CaptionsFeature extends Feature implements f.CaptionsCallFeature {
  readonly name = 'Captions';
  readonly captions = new CaptionsImpl();
}

/** Who spoke last comes first. */
export class DominantSpeakers extends Feature implements f.DominantSpeakersCallFeature {
  readonly name = 'DominantSpeakers';
  dominantSpeakers: v.DominantSpeakersInfo = { speakersList: [], timestamp: new Date() };
  private order: RemoteParticipantImpl[] = [];

  constructor(context: Context) {
    super(context);
    this.order = this.call.remoteParticipants.filter(({ isSpeaking }) => isSpeaking);
    if (this.order.length > 0) this.publish();
    this.call.inner.on('speaking', (participant: RemoteParticipantImpl) => this.heard(participant));
  }

  private heard(participant: RemoteParticipantImpl): void {
    const isHere = participant.state !== 'Disconnected';
    if (isHere && !participant.isSpeaking) return;
    const others = this.order.filter((other) => other !== participant);
    const next = isHere ? [participant, ...others] : others;
    if (next.length === this.order.length && next.every((other, index) => other === this.order[index])) return;
    this.order = next;
    this.publish();
    this.emit('dominantSpeakersChanged');
  }

  private publish(): void {
    this.dominantSpeakers = { speakersList: this.order.map(({ identifier }) => ({ ...identifier })), timestamp: new Date() };
  }
}

export class OptimalVideoCount extends Feature implements f.OptimalVideoCountCallFeature {
  readonly name = 'OptimalVideoCount';
  readonly optimalVideoCount = VIDEO_TILES;
  readonly lastOvcChangeReason = 'externalLimit';
}

/** Kept with the page: the exchange has no place for what people think of a call yet. */
export class CallSurvey extends Feature implements f.CallSurveyFeature {
  readonly name = 'CallSurvey';

  async submitSurvey(survey: v.CallSurvey): Promise<v.CallSurveyResponse> {
    const ratings = Object.entries(survey ?? {}).filter(([name]) => name.endsWith('Rating'));
    if (ratings.length === 0) throw wrongArgument('the survey has no rating');
    for (const [name, { score, scale }] of ratings as [string, v.CallRating<unknown>][]) {
      const { lowerBound = 1, upperBound = 5 } = scale ?? {};
      if (!(score >= lowerBound && score <= upperBound)) throw wrongArgument(`${name}: the score is not in its scale`);
    }
    return { ...survey, id: crypto.randomUUID(), callId: this.call.id, localParticipantId: this.call.info.participantId };
  }
}

/** Meetings here have no dial-in numbers: the details are there, and empty. */
export class AudioConferencing extends Feature implements f.TeamsMeetingAudioConferencingCallFeature {
  readonly name = 'TeamsMeetingAudioConferencing';

  async getTeamsMeetingAudioConferencingDetails(): Promise<v.TeamsMeetingAudioConferencingDetails> {
    return { phoneConferenceId: '', phoneNumbers: [] };
  }
}
