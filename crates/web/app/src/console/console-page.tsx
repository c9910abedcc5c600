// The operator's console.

import { addressOf, route } from '../routes';
import { useStore } from '../store';
import { text } from '../strings';
import { IdentitiesTab } from './identities-tab';
import { LiveCallsTab } from './live-calls-tab';
import { PolicyTab } from './policy-tab';

const TABS = ['calls', 'policy', 'identities'] as const;

export default function ConsolePage() {
  const { part } = useStore(route, (state) => state);
  const tab = TABS.find((name) => name === part) ?? 'calls';
  return (
    <div className="page">
      <header><h1>{text.console.title}</h1><p className="lead">{text.console.lead}</p></header>
      <nav className="tabs" aria-label={text.console.title}>
        {TABS.map((name) => (
          <a key={name} className="tab" href={addressOf('console', name)} aria-current={name === tab ? 'page' : undefined}>{text.console.tabs[name]}</a>
        ))}
      </nav>
      {tab === 'calls' && <LiveCallsTab />}
      {tab === 'policy' && <PolicyTab />}
      {tab === 'identities' && <IdentitiesTab />}
    </div>
  );
}
