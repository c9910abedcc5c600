// The entry of the app.

import './css/app.css';

import { createRoot } from 'react-dom/client';

import { App } from './app';
import { calls, setUpCalls } from './call/calls';
import { readPeople } from './people/people';
import { readParameters } from './parameters';
import { followAddress } from './routes';
import { hasOrganisation, takeAnswer } from './session/returning';
import { rememberedIdentity, returnFromIssuer, signIn, signInAsGuest } from './session/session';
import { start } from './start';
import { setUpTheme } from './theme';

const answer = takeAnswer();
if (answer) followAddress();
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
if (answer || (hasOrganisation() && !parameters.as)) {
  void returnFromIssuer(answer).then(() => start(parameters));
} else if (parameters.as) {
  void signIn(parameters.as).then(() => start(parameters));
} else if (remembered) {
  void ('rawId' in remembered ? signIn(remembered.rawId, remembered.displayName) : signInAsGuest(remembered)).then(() => start(parameters));
}
