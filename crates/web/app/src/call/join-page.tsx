// Joining: first what, by link or by id and passcode, then with which devices.

import { useEffect, type FormEvent } from 'react';

import { useMeetingFields } from '../meetings/fields';
import { useStore } from '../store';
import { text } from '../strings';
import { Button } from '../ui/parts';
import { calls, prepareToJoin } from './calls';
import { PreJoin } from './pre-join';

export function JoinPage() {
  const about = useStore(calls, (state) => state.about);
  // Whoever goes elsewhere has left what they were about to join.
  useEffect(() => () => calls.set({ about: undefined }), []);
  return about ? <PreJoin about={about} /> : <JoinForm />;
}

function JoinForm() {
  const [fields, read] = useMeetingFields();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const purpose = read();
    if (purpose) prepareToJoin(purpose);
  };
  return (
    <div className="page narrow">
      <form className="panel join-form" onSubmit={submit}>
        <h1>{text.join.title}</h1>
        <p className="lead">{text.join.lead}</p>
        {fields}
        <Button type="submit" kind="primary" icon="join">{text.join.go}</Button>
      </form>
    </div>
  );
}
