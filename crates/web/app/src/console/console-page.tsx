// The operator's console.

import { addressOf, route } from '../routes';
import { useStore } from '../store';
import { text } from '../strings';
import { Field } from '../ui/parts';
import { operator } from './console';
import { IdentitiesTab } from './identities-tab';
import { LiveCallsTab } from './live-calls-tab';
import { PolicyTab } from './policy-tab';

const TABS = ['calls', 'policy', 'identities'] as const;

export default function ConsolePage() {
  const { part } = useStore(route, (state) => state);
  const key = useStore(operator, (state) => state.key);
  const tab = TABS.find((name) => name === part) ?? 'calls';
  return (
    <div className="page">
      <header><h1>{text.console.title}</h1><p className="lead">{text.console.lead}</p></header>
      <nav className="tabs" aria-label={text.console.title}>
        {TABS.map((name) => (
          <a key={name} className="tab" href={addressOf('console', name)} aria-current={name === tab ? 'page' : undefined}>{text.console.tabs[name]}</a>
        ))}
      </nav>
      {tab !== 'identities' && (
        <Field label={text.console.key} hint={text.console.keyHint}>
          <input type="password" value={key} autoComplete="off" onChange={({ target }) => operator.set({ key: target.value.trim() })} />
        </Field>
      )}
      {tab === 'calls' && <LiveCallsTab />}
      {tab === 'policy' && <PolicyTab />}
      {tab === 'identities' && <IdentitiesTab />}
    </div>
  );
}
