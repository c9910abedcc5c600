// Joining: first what, by link or by id and passcode, then with which devices.

import { useEffect, useState, type FormEvent } from 'react';

import { readMeeting, wantsPasscode } from '../meetings/locator';
import { useStore } from '../store';
import { text } from '../strings';
import { Button, Field, Problem } from '../ui/parts';
import { calls, prepareToJoin } from './calls';
import { PreJoin } from './pre-join';

export function JoinPage() {
  const about = useStore(calls, (state) => state.about);
  // Whoever goes elsewhere has left what they were about to join.
  useEffect(() => () => calls.set({ about: undefined }), []);
  return about ? <PreJoin about={about} /> : <JoinForm />;
}

function JoinForm() {
  const [address, setAddress] = useState('');
  const [passcode, setPasscode] = useState('');
  const [problem, setProblem] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const read = readMeeting(address, passcode);
    if ('problem' in read) setProblem(read.problem);
    else prepareToJoin(read);
  };
  return (
    <div className="page narrow">
      <form className="panel join-form" onSubmit={submit}>
        <h1>{text.join.title}</h1>
        <p className="lead">{text.join.lead}</p>
        <Field label={text.join.address}>
          <input name="address" value={address} required autoComplete="off" onChange={({ target }) => setAddress(target.value)} />
        </Field>
        {wantsPasscode(address) && (
          <Field label={text.join.passcode}>
            <input name="passcode" value={passcode} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={({ target }) => setPasscode(target.value)} />
          </Field>
        )}
        <Problem>{problem}</Problem>
        <Button type="submit" kind="primary" icon="join">{text.join.go}</Button>
      </form>
    </div>
  );
}
