// The events of a call in a table, by their sequence numbers.

import { useStore } from '../store';
import { text } from '../strings';
import { timeOf } from '../wire/messages';
import { timeOfDay } from '../words';
import { operator } from './console';
import { eventWords } from './event-words';

/** The events of the call that is followed; `titleId` is what names the table. */
export function Timeline({ titleId }: { titleId: string }) {
  const events = useStore(operator, (state) => state.events);
  // Whoever has left keeps the name.
  const names = new Map(events.flatMap(({ snapshot, participantAdded, participantUpdated }) => (
    snapshot?.participants ?? [participantAdded?.participant ?? participantUpdated?.participant])).map((one) => [one?.participantId, one?.displayName]));
  const name = (participantId: string) => names.get(participantId) || participantId.slice(0, 8);
  return (
    <div className="timeline" tabIndex={0} role="group" aria-labelledby={titleId}>
      <table>
        <thead><tr>{[text.console.seq, text.console.time, text.console.event, text.console.detail].map((head) => <th key={head} scope="col">{head}</th>)}</tr></thead>
        <tbody>
          {events.map((event) => {
            const { kind, detail } = eventWords(event, name);
            return (
              <tr key={`${event.seq}-${kind}`}>
                <td className="number">{event.seq}</td>
                <td className="number">{timeOfDay(timeOf(event.time) ?? 0, { withSeconds: true })}</td>
                <td><code>{kind}</code></td>
                <td>{detail}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
