//! Marks in messages, and when they arrive.
//!
//! A message says its number between two signs. A member's connection is searched for such marks
//! as bytes, whatever protocol is around them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Result, bail};
use tokio::sync::Notify;

/// Collects what all members get. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Arrivals {
    shared: Rc<Shared>,
}

struct Shared {
    members: usize,
    state: RefCell<State>,
    /// A message has reached everybody.
    complete: Notify,
}

#[derive(Default)]
struct State {
    messages: Vec<Sent>,
    delivery: Vec<u64>,
    last: Vec<u64>,
    /// Messages that have not reached everybody.
    open: usize,
    /// Why it cannot go on.
    failure: Option<String>,
}

struct Sent {
    at: Instant,
    missing: usize,
}

impl Arrivals {
    pub(crate) fn new(members: usize) -> Self {
        let state = RefCell::default();
        Self { shared: Rc::new(Shared { members, state, complete: Notify::new() }) }
    }

    /// Makes the text of the next message, which is sent now.
    pub(crate) fn send(&self) -> String {
        let mut state = self.shared.state.borrow_mut();
        let number = state.messages.len();
        state.messages.push(Sent { at: Instant::now(), missing: self.shared.members });
        state.open += 1;
        let mark = format!("{SIGN}{number:0DIGITS$};");
        format!("{mark:.<TEXT_BYTES$}")
    }

    /// Waits until fewer than so many messages are on their way.
    pub(crate) async fn has_room(&self, in_flight: usize) -> Result<()> {
        loop {
            {
                let state = self.shared.state.borrow();
                if let Some(failure) = &state.failure {
                    bail!("{failure}");
                }
                if state.open < in_flight {
                    return Ok(());
                }
            }
            self.shared.complete.notified().await;
        }
    }

    /// Ends the measurement: a client broke.
    pub(crate) fn fail(&self, why: impl std::fmt::Display) {
        self.shared.state.borrow_mut().failure.get_or_insert(why.to_string());
        self.shared.complete.notify_one();
    }

    /// Forgets the times so far.
    pub(crate) fn clear(&self) {
        let mut state = self.shared.state.borrow_mut();
        state.delivery.clear();
        state.last.clear();
    }

    /// Returns all times, sorted: of each delivery, and of the last of each message.
    pub(crate) fn take(&self) -> (Vec<u64>, Vec<u64>) {
        let mut state = self.shared.state.borrow_mut();
        let mut times = (std::mem::take(&mut state.delivery), std::mem::take(&mut state.last));
        times.0.sort_unstable();
        times.1.sort_unstable();
        times
    }

    fn note(&self, number: usize) {
        let mut state = self.shared.state.borrow_mut();
        let Some(sent) = state.messages.get_mut(number).filter(|sent| sent.missing > 0) else {
            return;
        };
        sent.missing -= 1;
        let (is_last, time) = (sent.missing == 0, sent.at.elapsed().as_nanos() as u64);
        state.delivery.push(time);
        if is_last {
            state.last.push(time);
            state.open -= 1;
            self.shared.complete.notify_one();
        }
    }
}

/// Looks for marks in what one member reads.
pub(crate) struct Scanner {
    arrivals: Arrivals,
    /// The end of what was read so far, in which a mark may have begun.
    rest: Vec<u8>,
}

impl Scanner {
    pub(crate) fn new(arrivals: &Arrivals) -> Self {
        Self { arrivals: arrivals.clone(), rest: Vec::new() }
    }

    /// Notes the marks in what comes next.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(bytes);
            let joined = std::mem::take(&mut self.rest);
            let kept = self.scan(&joined).to_vec();
            self.rest = kept;
            return;
        }
        self.rest = self.scan(bytes).to_vec();
    }

    /// Returns where a mark may have begun.
    fn scan<'a>(&self, mut bytes: &'a [u8]) -> &'a [u8] {
        while let Some(at) = find(bytes, SIGN.as_bytes()) {
            let Some(digits) = bytes.get(at + SIGN.len()..at + MARK_BYTES - 1) else {
                return bytes.get(at..).unwrap_or_default();
            };
            let number = digits.iter().fold(0, |sum, byte| sum * 10 + usize::from(byte & 0xf));
            self.arrivals.note(number);
            bytes = bytes.get(at + MARK_BYTES - 1..).unwrap_or_default();
        }
        bytes.get(bytes.len().saturating_sub(SIGN.len() - 1)..).unwrap_or_default()
    }
}

/// Returns where a pattern begins.
pub(crate) fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let first = *pattern.first()?;
    let mut from = 0;
    while let Some(rest) = bytes.get(from..) {
        let at = from + rest.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(pattern) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// What a mark begins with; no protocol says it itself.
const SIGN: &str = "~@#";

const DIGITS: usize = 9;

const MARK_BYTES: usize = SIGN.len() + DIGITS + 1;

/// A sentence or two.
const TEXT_BYTES: usize = 200;
