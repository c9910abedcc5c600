// The policy tester: who may reach whom, which rule says so, and what would change it.

import { useState, type FormEvent } from 'react';

import { people } from '../people/people';
import { RequestError } from '../session/tokens';
import { useStore } from '../store';
import { text } from '../strings';
import { Icon } from '../ui/icon';
import { Button, Field, IconButton, Problem } from '../ui/parts';
import { errorText } from '../words';
import { operator } from './console';

const ANSWER_WITHIN_MS = 10_000;

interface Decision {
  isAllowed?: boolean;
  rule?: string;
  fix?: string;
  reason?: { code?: number; subCode?: number };
  trace?: { question?: string; answer?: boolean }[];
}
interface Explained { from?: { rawId?: string }; to?: { rawId?: string }; call?: Decision; chat?: Decision }

export function PolicyTab() {
  const users = useStore(people, (state) => state.users);
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [explained, setExplained] = useState<Explained | undefined>(undefined);
  const [problem, setProblem] = useState('');
  const [isAsking, setAsking] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setAsking(true);
    try {
      setExplained(await explain({ from: from.trim(), to: to.trim() }, operator.get().key));
      setProblem('');
    } catch (error) {
      setExplained(undefined);
      setProblem(errorText(error));
    } finally {
      setAsking(false);
    }
  };
  return (
    <>
      <form className="panel policy-form" onSubmit={submit}>
        <Field label={text.console.from}><input list="policy-people" value={from} required autoCapitalize="none" autoComplete="off" onChange={({ target }) => setFrom(target.value)} /></Field>
        <IconButton icon="refresh" label={text.console.swap} onClick={() => { setFrom(to); setTo(from); }} />
        <Field label={text.console.to}><input list="policy-people" value={to} required autoCapitalize="none" autoComplete="off" onChange={({ target }) => setTo(target.value)} /></Field>
        <datalist id="policy-people">{users.map(({ rawId, alias, displayName }) => <option key={rawId} value={alias || rawId}>{displayName}</option>)}</datalist>
        <Button type="submit" kind="primary" disabled={isAsking}>{text.console.ask}</Button>
      </form>
      <Problem>{problem}</Problem>
      {explained && (
        <section aria-live="polite">
          <p className="note"><code>{explained.from?.rawId}</code> → <code>{explained.to?.rawId}</code></p>
          <div className="decisions">
            <DecisionCard title={text.console.call} decision={explained.call ?? {}} />
            <DecisionCard title={text.console.chat} decision={explained.chat ?? {}} />
          </div>
        </section>
      )}
    </>
  );
}

function DecisionCard({ title, decision: { isAllowed = false, rule = '', fix = '', reason, trace = [] } }: { title: string; decision: Decision }) {
  return (
    <article className={`panel decision ${isAllowed ? 'allowed' : 'denied'}`}>
      <h2><Icon name={isAllowed ? 'accept' : 'close'} />{title}: {isAllowed ? text.console.allowed : text.console.denied}</h2>
      <p>{isAllowed ? text.console.allowedBy(rule) : text.console.deniedBy(rule, fix)}</p>
      {!isAllowed && <p className="quiet-words">{text.ended.code} <code>{reason?.code ?? 0}/{reason?.subCode ?? 0}</code></p>}
      <div>
        <p className="quiet-words">{text.console.questions}</p>
        <ol className="steps">
          {trace.map(({ question = '', answer = false }) => <li key={question}><span>{question}</span><b>{answer ? text.console.yes : text.console.no}</b></li>)}
        </ol>
      </div>
    </article>
  );
}

/** Asks the exchange. The key travels in a header and stays in its field. */
async function explain(body: { from: string; to: string }, key: string): Promise<Explained> {
  let response: Response;
  try {
    response = await fetch('/policy/explain', {
      method: 'POST',
      headers: { Authorization: `AccessKey ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch {
    throw new RequestError(text.errors.noAnswer);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as Explained;
  const message = (answer as { error?: { message?: string } } | null)?.error?.message;
  throw new RequestError(message ?? text.errors.answered(response.status), response.status);
}
