// Whom this exchange knows.

import { people } from '../people/people';
import { useStore } from '../store';
import { text } from '../strings';
import { Icon } from '../ui/icon';
import { Problem } from '../ui/parts';
import { isDirectoryUser } from '../identifiers';

export function IdentitiesTab() {
  const { users, problem } = useStore(people, (state) => state);
  return (
    <section className="panel" aria-labelledby="identities-title">
      <h2 id="identities-title">{text.console.tabs.identities}</h2>
      <Problem>{problem}</Problem>
      <div className="scroll" tabIndex={0} role="group" aria-labelledby="identities-title">
        <table>
          <thead><tr>{[text.console.name, text.console.alias, text.console.sort, text.console.rawId, text.console.open].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
          <tbody>
            {users.map(({ rawId, displayName, alias }) => (
              <tr key={rawId}>
                <td>{displayName || text.guest}</td>
                <td>{alias}</td>
                <td>{isDirectoryUser(rawId) ? text.console.directoryUser : text.console.appUser}</td>
                <td><code>{rawId}</code></td>
                <td>
                  <a className="icon-button quiet small" href={`?as=${encodeURIComponent(alias || rawId)}`} target="_blank" rel="noopener" aria-label={text.console.openAs(displayName || text.guest)}><Icon name="join" /></a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
