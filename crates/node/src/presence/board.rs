//! What is known of who is there: sessions, calls, and what users prefer to show.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use trunkline_clock::{Instant, Now};
use trunkline_ids::{CallId, CommunicationIdentifier};
use trunkline_policy::{Presence, shown};
use trunkline_storage::{PreferredPresence, Store, StoreError};

/// Something that watchers look at.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The presence of somebody may be another.
    Presence(CommunicationIdentifier),
    /// The tokens of somebody are revoked.
    Revoked(CommunicationIdentifier),
}

/// What is known of everybody who is there or prefers something. Only what is preferred outlives the
/// node, in the store.
#[derive(Debug)]
pub(crate) struct Board {
    state: Mutex<State>,
    changes: broadcast::Sender<Change>,
    /// Held by whoever changes what is preferred, here and in the store.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    people: HashMap<CommunicationIdentifier, Person>,
    /// So many people make it worth looking for those of whom nothing is left to know.
    sweep_at: usize,
    watches: HashMap<CommunicationIdentifier, usize>,
}

#[derive(Debug, Default)]
struct Person {
    sessions: usize,
    calls: HashMap<CallId, Presence>,
    preferred: Option<Preferred>,
}

#[derive(Clone, Copy, Debug)]
struct Preferred {
    presence: Presence,
    until: Instant,
}

impl Person {
    fn preferred_at(&self, now: Instant) -> Option<Preferred> {
        self.preferred.filter(|preferred| now < preferred.until)
    }

    fn is_blank(&self, now: Instant) -> bool {
        self.sessions == 0 && self.calls.is_empty() && self.preferred_at(now).is_none()
    }
}

impl Default for Board {
    fn default() -> Self {
        let state =
            State { people: HashMap::new(), sweep_at: SWEEP_FLOOR, watches: HashMap::new() };
        Self {
            state: Mutex::new(state),
            changes: broadcast::Sender::new(CHANGES_KEPT),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl Board {
    /// Makes a board that knows what the store has.
    pub(crate) async fn start(store: &dyn Store, now: Now) -> Result<Self, StoreError> {
        let board = Self::default();
        for PreferredPresence { user, presence, until } in
            store.preferred_presences(now.wall).await?
        {
            let life = until.saturating_duration_since(now.wall);
            board.prefer(now.instant, &user, presence, life);
        }
        Ok(board)
    }

    /// Waits for the right to change what is preferred.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Notes that a user has one session more.
    pub(crate) fn open_session(&self, user: &CommunicationIdentifier) {
        self.state().people.entry(user.clone()).or_default().sessions += 1;
        self.tell(Change::Presence(user.clone()));
    }

    /// Notes that a user has one session less.
    pub(crate) fn end_session(&self, now: Instant, user: &CommunicationIdentifier) {
        self.change(now, user, |person| person.sessions = person.sessions.saturating_sub(1));
    }

    /// Notes what a user does in a call; `None` where it is not in it.
    pub(crate) fn set_call(
        &self,
        now: Instant,
        user: &CommunicationIdentifier,
        call: CallId,
        presence: Option<Presence>,
    ) {
        // Most of what happens in a call changes nothing here.
        let is_known = |state: &State| {
            state.people.get(user).and_then(|person| person.calls.get(&call)).copied() == presence
        };
        if is_known(&self.state()) {
            return;
        }
        self.change(now, user, |person| match presence {
            Some(presence) => drop(person.calls.insert(call, presence)),
            None => drop(person.calls.remove(&call)),
        });
    }

    /// Sets what a user prefers to show.
    pub(super) fn prefer(
        &self,
        now: Instant,
        user: &CommunicationIdentifier,
        presence: Presence,
        life: Duration,
    ) {
        let until = now + life;
        self.change(now, user, |person| person.preferred = Some(Preferred { presence, until }));
    }

    /// Forgets what a user prefers to show.
    pub(super) fn prefer_nothing(&self, now: Instant, user: &CommunicationIdentifier) {
        self.change(now, user, |person| person.preferred = None);
    }

    /// Returns what others are shown of a user, and until when it holds unless something happens.
    pub(super) fn presence(
        &self,
        now: Instant,
        user: &CommunicationIdentifier,
    ) -> (Presence, Option<Instant>) {
        let state = self.state();
        let Some(person) = state.people.get(user) else {
            return (Presence::OFFLINE, None);
        };
        let preferred = person.preferred_at(now);
        let session = (person.sessions > 0).then_some(Presence::AVAILABLE);
        let sources = person.calls.values().copied().chain(session);
        let presence = shown(preferred.map(|preferred| preferred.presence), sources);
        (presence, preferred.map(|preferred| preferred.until))
    }

    /// Ends the watches of a user.
    pub(crate) fn revoke(&self, user: &CommunicationIdentifier) {
        self.tell(Change::Revoked(user.clone()));
    }

    /// Follows the changes from here on.
    pub(super) fn follow(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Counts a watch of a user; `false` where it has too many.
    pub(super) fn begin_watch(&self, user: &CommunicationIdentifier) -> bool {
        let mut state = self.state();
        let count = state.watches.entry(user.clone()).or_default();
        let is_taken = *count < WATCH_LIMIT;
        *count += usize::from(is_taken);
        is_taken
    }

    /// Counts a watch of a user no longer.
    pub(super) fn end_watch(&self, user: &CommunicationIdentifier) {
        let mut state = self.state();
        if let Some(count) = state.watches.get_mut(user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.watches.remove(user);
            }
        }
    }

    fn change(
        &self,
        now: Instant,
        user: &CommunicationIdentifier,
        change: impl FnOnce(&mut Person),
    ) {
        {
            let mut state = self.state();
            let person = state.people.entry(user.clone()).or_default();
            change(person);
            if person.is_blank(now) {
                state.people.remove(user);
            }
            state.sweep(now);
        }
        self.tell(Change::Presence(user.clone()));
    }

    fn tell(&self, change: Change) {
        // Nobody watches: nobody is told.
        let _ = self.changes.send(change);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code under this lock can panic between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets those of whom nothing is left to know: what they preferred has expired while they were
    /// away. Looks at everybody each time that their number has doubled.
    fn sweep(&mut self, now: Instant) {
        if self.people.len() >= self.sweep_at {
            self.people.retain(|_, person| !person.is_blank(now));
            self.sweep_at = SWEEP_FLOOR.max(self.people.len().saturating_mul(2));
        }
    }
}

/// The most watches of a user; each costs a task and a queue.
pub(super) const WATCH_LIMIT: usize = 16;

/// Changes that wait for a watcher. One that is further behind looks at all that it watches again.
const CHANGES_KEPT: usize = 1_024;

/// Fewer people than these are never swept.
const SWEEP_FLOOR: usize = 1_024;

#[cfg(test)]
mod tests {
    use trunkline_policy::Availability;

    use super::*;

    fn user(digit: u32) -> CommunicationIdentifier {
        format!("8:orgid:00000000-0000-4000-8000-{digit:012}").parse().unwrap()
    }

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn sessions_and_calls_say_what_is_shown_and_nothing_is_left_of_them() {
        let (board, alice) = (Board::default(), user(1));
        let (one, other) = (CallId::from_uuid_bytes([1; 16]), CallId::from_uuid_bytes([2; 16]));
        let shown = || board.presence(at(1), &alice).0;
        assert_eq!(shown(), Presence::OFFLINE);
        board.open_session(&alice);
        board.open_session(&alice);
        assert_eq!(shown(), Presence::AVAILABLE);
        board.set_call(at(1), &alice, one, Some(Presence::IN_A_CALL));
        board.set_call(at(1), &alice, other, Some(Presence::PRESENTING));
        assert_eq!(shown(), Presence::PRESENTING);
        board.set_call(at(1), &alice, other, None);
        assert_eq!(shown(), Presence::IN_A_CALL);
        board.end_session(at(1), &alice);
        board.set_call(at(1), &alice, one, None);
        assert_eq!(shown(), Presence::AVAILABLE);
        board.end_session(at(1), &alice);
        assert_eq!(shown(), Presence::OFFLINE);
        assert!(board.state().people.is_empty());
    }

    #[test]
    fn a_preference_wins_until_it_expires_or_is_cleared() {
        let (board, alice) = (Board::default(), user(1));
        let away = Presence::preferred(Availability::Away);
        board.prefer(at(0), &alice, away, Duration::from_secs(10));
        assert_eq!(board.presence(at(1), &alice).0, Presence::OFFLINE);
        board.open_session(&alice);
        assert_eq!(board.presence(at(9), &alice), (away, Some(at(10))));
        assert_eq!(board.presence(at(10), &alice), (Presence::AVAILABLE, None));
        board.prefer(at(20), &alice, away, Duration::from_secs(10));
        board.prefer_nothing(at(21), &alice);
        assert_eq!(board.presence(at(22), &alice), (Presence::AVAILABLE, None));
    }

    #[test]
    fn expired_preferences_are_swept() {
        let board = Board::default();
        let away = Presence::preferred(Availability::Away);
        for digit in 0..4_000 {
            board.prefer(at(u64::from(digit) * 2), &user(digit), away, Duration::from_secs(1));
        }
        assert!(board.state().people.len() < 2 * SWEEP_FLOOR, "{}", board.state().people.len());
    }

    #[test]
    fn a_user_has_so_many_watches() {
        let (board, alice) = (Board::default(), user(1));
        assert!((0..WATCH_LIMIT).all(|_| board.begin_watch(&alice)));
        assert!(!board.begin_watch(&alice) && board.begin_watch(&user(2)));
        board.end_watch(&alice);
        assert!(board.begin_watch(&alice));
        (0..WATCH_LIMIT).for_each(|_| board.end_watch(&alice));
        board.end_watch(&user(2));
        assert!(board.state().watches.is_empty());
    }
}
