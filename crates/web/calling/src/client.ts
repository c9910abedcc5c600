// Where everything begins: agents, devices, and what is known of this browser.

import { AgentImpl } from './agent.js';
import { DeviceManagerImpl } from './device-manager.js';
import { bindMethods } from './emitter.js';
import { CallingError, ClientSubCode, wrongArgument, wrongState } from './errors.js';
import type { CallClientFeature, CallClientFeatureFactory } from './types/features.js';
import type { CallAgent, DeviceManager, TeamsCallAgent } from './types/objects.js';
import {
  CallAgentKind, type CallAgentOptions, type CallClientOptions, type CommunicationTokenCredential, type TeamsCallAgentOptions,
} from './types/values.js';

export class CallClient {
  private readonly options: CallClientOptions;
  private readonly features = new Map<unknown, CallClientFeature>();
  private devices: DeviceManagerImpl | undefined;
  private agent: AgentImpl | undefined;
  private isDisposed = false;

  constructor(options: CallClientOptions = {}) {
    this.options = options;
    bindMethods(this);
  }

  feature<T extends CallClientFeature>(factory: CallClientFeatureFactory<T>): T {
    const constructor = factory?.callClientApiCtor as (new (context: unknown) => T) | undefined;
    if (!constructor) throw wrongArgument('this is no feature of a client');
    if (!this.features.has(constructor)) this.features.set(constructor, new constructor({ callClient: this }));
    return this.features.get(constructor) as T;
  }

  async createCallAgent(credential: CommunicationTokenCredential, options: CallAgentOptions = {}): Promise<CallAgent> {
    return this.createAgent<CallAgent>(CallAgentKind.CallAgent, credential, options.displayName ?? '');
  }

  async createTeamsCallAgent(credential: CommunicationTokenCredential, _options?: TeamsCallAgentOptions): Promise<TeamsCallAgent> {
    return this.createAgent<TeamsCallAgent>(CallAgentKind.TeamsCallAgent, credential, '');
  }

  /** The same object for ever. */
  async getDeviceManager(): Promise<DeviceManager> {
    return this.deviceManager();
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
    await this.agent?.dispose();
  }

  /** Returns the agent in one of the two shapes of the API. */
  private async createAgent<Agent>(kind: CallAgentKind, credential: CommunicationTokenCredential, displayName: string): Promise<Agent> {
    if (this.isDisposed) throw new CallingError('the client was disposed', 410, ClientSubCode.disposed);
    if (typeof credential?.getToken !== 'function') throw wrongArgument('a token credential is needed');
    if (this.agent) throw wrongState('the client has an agent already');
    const agent = new AgentImpl({
      kind, credential, displayName, options: this.options, devices: this.deviceManager(),
      onDisposed: () => { this.agent = undefined; },
    });
    this.agent = agent;
    try {
      await agent.connect();
    } catch (error) {
      this.agent = undefined;
      if (error instanceof CallingError) throw error;
      throw new CallingError(error instanceof Error ? error.message : 'no connection to the exchange', 401, 0, { cause: error });
    }
    return agent as unknown as Agent;
  }

  private deviceManager(): DeviceManagerImpl {
    this.devices ??= new DeviceManagerImpl();
    return this.devices;
  }
}
