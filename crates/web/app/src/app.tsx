// The app: signing in, then the rooms.

import { lazy, Suspense, useEffect, type ReactNode } from 'react';

import { CallPage } from './call/call-page';
import { calls } from './call/calls';
import { EndedPage } from './call/ended-page';
import { Incoming } from './call/incoming';
import { JoinPage } from './call/join-page';
import { ChatPage } from './chat/chat-page';
import { MeetingsPage } from './meetings/meetings-page';
import type { Parameters } from './parameters';
import { CallsPage } from './people/calls-page';
import { followHistory, history } from './people/history';
import { readPeople } from './people/people';
import { OwnPresence } from './people/presence-mark';
import { addressOf, go, route, type Room } from './routes';
import { session, signOut } from './session/session';
import { SignInPage } from './session/sign-in-page';
import { start } from './start';
import { useStore } from './store';
import { text } from './strings';
import { switchTheme, theme } from './theme';
import { Icon, Mark, type IconName } from './ui/icon';
import { IconButton } from './ui/parts';

const DemoPage = lazy(() => import('./demo/demo-page'));
const ConsolePage = lazy(() => import('./console/console-page'));

const PLACES: readonly { room: Room; icon: IconName; name: string }[] = [
  { room: 'calls', icon: 'calls', name: text.nav.calls },
  { room: 'chat', icon: 'chat', name: text.nav.chat },
  { room: 'meetings', icon: 'meetings', name: text.nav.meetings },
  { room: 'console', icon: 'console', name: text.nav.console },
];

export function App({ parameters }: { parameters: Parameters }) {
  const phase = useStore(session, (state) => state.phase);
  const room = useStore(route, (state) => state.room);
  if (phase !== 'ready' && room === 'demo') {
    return <main id="content"><Suspense fallback={<p className="loading" role="status">{text.loading}</p>}><DemoPage /></Suspense></main>;
  }
  if (phase !== 'ready') {
    return <SignInPage parameters={parameters} onSignedIn={() => void start(parameters)} />;
  }
  return <Rooms />;
}

function Rooms() {
  const { room } = useStore(route, (state) => state);
  const active = useStore(calls, (state) => state.active);
  const ended = useStore(calls, (state) => state.ended);
  const endedCount = useStore(calls, (state) => state.endedCount);
  useEffect(() => {
    void readPeople();
    return followHistory();
  }, [endedCount]);
  useEffect(() => { document.title = `${titleOf(room)} · ${text.product}`; }, [room]);
  const isImmersed = room === 'call' && active !== undefined;
  return (
    <div className={`shell ${isImmersed ? 'immersed' : ''}`}>
      <a className="skip" href="#content" onClick={skip}>{text.skip}</a>
      {!isImmersed && <Rail room={room} />}
      <main id="content" tabIndex={-1}>
        <Connection />
        {active && room !== 'call' && <ReturnBar />}
        <Suspense fallback={<p className="loading" role="status">{text.loading}</p>}>
          <RoomOf room={room} hasCall={active !== undefined} hasEnded={ended !== undefined} />
        </Suspense>
      </main>
      <Incoming />
      <Notice />
    </div>
  );
}

function RoomOf({ room, hasCall, hasEnded }: { room: Room; hasCall: boolean; hasEnded: boolean }): ReactNode {
  switch (room) {
    case 'call':
      if (hasCall) return <CallPage />;
      return hasEnded ? <EndedPage /> : <CallsPage />;
    case 'join': return <JoinPage />;
    case 'chat': return <ChatPage />;
    case 'demo': return <DemoPage />;
    case 'meetings': return <MeetingsPage />;
    case 'console': return <ConsolePage />;
    case 'calls': return <CallsPage />;
  }
}

function Rail({ room }: { room: Room }) {
  const shown = useStore(theme, (state) => state.shown);
  const missed = useStore(history, (state) => state.unseenMissed);
  return (
    <header className="rail">
      <a className="brand" href={addressOf('calls')} aria-label={text.product}><Mark /><span className="brand-name">{text.product}</span></a>
      <nav aria-label={text.nav.label}>
        {PLACES.map(({ room: place, icon, name }) => (
          <a key={place} href={addressOf(place)} aria-current={isIn(room, place) ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{name}</span>
            {place === 'calls' && missed > 0 && <span className="count" aria-label={text.calls.missed(missed)}>{missed}</span>}
          </a>
        ))}
      </nav>
      <div className="rail-end">
        <OwnPresence />
        <IconButton icon={shown === 'dark' ? 'sun' : 'moon'} label={shown === 'dark' ? text.themeToLight : text.themeToDark} onClick={switchTheme} />
        <IconButton icon="signOut" label={text.signOut} onClick={() => void signOut()} />
      </div>
    </header>
  );
}

function Connection() {
  const isConnected = useStore(session, (state) => state.isConnected);
  if (isConnected) return null;
  return <p className="banner bad" role="alert">{text.call.reconnecting}</p>;
}

function ReturnBar() {
  return <a className="banner good return-bar" href={addressOf('call')}><Icon name="calls" />{text.nav.call}</a>;
}

function Notice() {
  const notice = useStore(calls, (state) => state.notice);
  return <div className="toasts" role="status">{notice && <p className="toast">{notice}</p>}</div>;
}

function isIn(room: Room, place: Room): boolean {
  return room === place || (place === 'calls' && room === 'call') || (place === 'meetings' && room === 'join');
}

function titleOf(room: Room): string {
  return room === 'join' ? text.join.title : text[room].title;
}

function skip(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

// A call that begins while another room is open comes on screen by its address.
calls.subscribe(() => {
  const { active, ended } = calls.get();
  if (!active && !ended && route.get().room === 'call') go('calls', '', { replace: true });
});
