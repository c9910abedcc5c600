// The entry of the app.

import './css/app.css';

import { createRoot } from 'react-dom/client';

import { App } from './app';
import { calls, setUpCalls } from './call/calls';
import { readPeople } from './people/people';
import { readParameters } from './parameters';
import { rememberedIdentity, signIn } from './session/session';
import { start } from './start';
import { setUpTheme } from './theme';

const parameters = readParameters(location);
setUpTheme();
setUpCalls(parameters);
// For whoever looks under the hood: the call on screen, as the calling package shows it.
Object.assign(globalThis, { trunkline: { get activeCall() { return calls.get().active?.call; } } });
const root = document.getElementById('app');
if (!root) throw new Error('the page has no place for the app');
createRoot(root).render(<App parameters={parameters} />);

// Whom to call is looked up while the line is opened.
if (parameters.call) void readPeople();
const remembered = rememberedIdentity();
if (parameters.as) {
  void signIn(parameters.as).then(() => start(parameters));
} else if (remembered) {
  void signIn(remembered.rawId, remembered.displayName).then(() => start(parameters));
}
