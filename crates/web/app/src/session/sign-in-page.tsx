// Signing in: with one's organisation, as somebody of a development directory, or as a guest with a name.

import { useEffect, useState, type FormEvent, type ReactNode } from 'react';

import { prepareToJoin } from '../call/calls';
import { useMeetingFields } from '../meetings/fields';
import type { Parameters } from '../parameters';
import { people, readPeople } from '../people/people';
import { addressOf } from '../routes';
import { useStore } from '../store';
import { text } from '../strings';
import { switchTheme, theme } from '../theme';
import { Mark } from '../ui/icon';
import { Avatar, Button, Field, IconButton, Problem } from '../ui/parts';
import type { Issuer } from './oidc';
import { lineOrNone, session, signIn, signInAsGuest, signInWith } from './session';
import { noWays, readWays } from './tokens';

interface Props {
  parameters: Parameters;
  onSignedIn: () => void;
}

export function SignInPage({ parameters, onSignedIn }: Props) {
  const { phase, problem } = useStore(session, (state) => state);
  const shown = useStore(theme, (state) => state.shown);
  const isWorking = phase === 'signingIn';
  const enter = (who: string) => void signIn(who).then(onSignedIn);
  const { isDevelopment } = useStore(people, (state) => state);
  const [fields, read] = useMeetingFields(parameters.meeting, parameters.passcode);
  const enterAsGuest = (displayName: string) => {
    if (isDevelopment) return enter(`app:${displayName}`);
    const purpose = read();
    if (!purpose) return;
    const { link: meetingLink, meetingId, passcode } = purpose;
    void signInAsGuest({ displayName, meetingLink, meetingId, passcode }).then(() => { if (lineOrNone()) prepareToJoin(purpose); });
  };
  const [{ issuers, guests }, setWays] = useState(noWays);
  useEffect(() => { void readWays().then(setWays); }, []);
  // Where a meeting waits behind, guests come first.
  const isToMeeting = Boolean(parameters.meeting);
  const guest = (isDevelopment || guests) && (
    <GuestForm key="guest" isWorking={isWorking} isFirst={isToMeeting} onEnter={enterAsGuest}>{!isDevelopment && fields}</GuestForm>
  );
  const directory = (isDevelopment || !(guests || issuers.length)) && <DirectoryList key="directory" isWorking={isWorking} onEnter={enter} />;
  return (
    <div className="sign-in">
      <header className="sign-in-top">
        <span className="brand"><Mark /><span className="brand-name">{text.product}</span></span>
        <IconButton icon={shown === 'dark' ? 'sun' : 'moon'} label={shown === 'dark' ? text.themeToLight : text.themeToDark} onClick={switchTheme} />
      </header>
      <main className="sign-in-card">
        <h1>{isToMeeting ? text.join.title : text.signIn.title}</h1>
        <p className="lead">{text.signIn.lead}</p>
        <Problem>{problem}</Problem>
        {isWorking && <p className="note" role="status">{text.signIn.working}</p>}
        {issuers.length > 0 && <Organisations issuers={issuers} isWorking={isWorking} />}
        {isToMeeting ? [guest, directory] : [directory, guest]}
        {isDevelopment && <><p><a href={addressOf('demo')}>{text.demo.link}</a></p><p className="fine">{text.signIn.development}</p></>}
      </main>
    </div>
  );
}

function Organisations({ issuers, isWorking }: { issuers: readonly Issuer[]; isWorking: boolean }) {
  return (
    <section aria-labelledby="organisation-title">
      <h2 id="organisation-title">{text.organisation.title}</h2>
      {issuers.map((issuer) => (
        <Button key={issuer.issuer} kind="primary" className="wide" icon="people" disabled={isWorking} onClick={() => void signInWith(issuer)}>
          {text.organisation.go(issuers.length > 1 ? issuer.name ?? new URL(issuer.issuer).host : '')}
        </Button>
      ))}
      <p className="field-hint">{text.organisation.hint}</p>
    </section>
  );
}

function DirectoryList({ isWorking, onEnter }: { isWorking: boolean; onEnter: (who: string) => void }) {
  const { users, isLoaded, problem } = useStore(people, (state) => state);
  useEffect(() => { void readPeople(); }, []);
  const directory = users.filter(({ alias }) => alias !== '');
  return (
    <section aria-labelledby="directory-title">
      <h2 id="directory-title">{text.signIn.people}</h2>
      <Problem>{problem}</Problem>
      {!isLoaded && <p className="note">{text.loading}</p>}
      {isLoaded && !problem && directory.length === 0 && <p className="note">{text.signIn.nobody}</p>}
      <ul className="identities">
        {directory.map(({ rawId, displayName, alias }) => (
          <li key={rawId}>
            <button type="button" className="identity" disabled={isWorking} onClick={() => onEnter(alias)}>
              <Avatar name={displayName || alias} rawId={rawId} />
              <span className="identity-words"><span className="identity-name">{displayName || alias}</span><span className="quiet-words">{alias}</span></span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function GuestForm({ isWorking, isFirst, onEnter, children }: { isWorking: boolean; isFirst: boolean; onEnter: (name: string) => void; children: ReactNode }) {
  const [name, setName] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onEnter(name.trim());
  };
  return (
    <form onSubmit={submit} aria-labelledby="guest-title">
      <h2 id="guest-title">{isFirst ? text.guest : text.signIn.guestTitle}</h2>
      <Field label={text.signIn.guestName} hint={text.signIn.guestHint}>
        <input name="name" value={name} maxLength={64} required autoComplete="name" onChange={({ target }) => setName(target.value)} />
      </Field>
      {children}
      <Button type="submit" kind={isFirst ? 'primary' : 'plain'} disabled={isWorking}>{text.signIn.guestGo}</Button>
    </form>
  );
}
