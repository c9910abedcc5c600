//! How many attempts at one endpoint run at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::endpoint::Endpoint;

/// One gate per endpoint, there as long as somebody is in it or waits.
#[derive(Debug)]
pub(super) struct Gates {
    width: usize,
    open: Mutex<HashMap<Endpoint, Weak<Semaphore>>>,
}

/// Leave to make an attempt, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    _permit: OwnedSemaphorePermit,
}

impl Gates {
    pub(super) fn new(width: usize) -> Self {
        Self { width: width.max(1), open: Mutex::default() }
    }

    /// Waits for leave, in the order of arrival.
    pub(super) async fn enter(&self, endpoint: &Endpoint) -> Pass {
        let permit = self.gate(endpoint).acquire_owned().await;
        Pass { _permit: permit.expect("no gate is ever closed") }
    }

    fn gate(&self, endpoint: &Endpoint) -> Arc<Semaphore> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = open.get(endpoint).and_then(Weak::upgrade) {
            return gate;
        }
        if open.len() >= SWEEP_FROM {
            open.retain(|_, gate| gate.strong_count() > 0);
        }
        let gate = Arc::new(Semaphore::new(self.width));
        open.insert(endpoint.clone(), Arc::downgrade(&gate));
        gate
    }
}

/// How many gates there are before the ones that nobody uses are looked for.
const SWEEP_FROM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(number: usize) -> Endpoint {
        format!("https://example.com/{number}").parse().unwrap()
    }

    #[tokio::test]
    async fn a_full_gate_holds_up_its_own_endpoint_only() {
        let gates = Gates::new(1);
        let (full, free) = (endpoint(1), endpoint(2));
        let pass = gates.enter(&full).await;
        let mut waiting = std::pin::pin!(gates.enter(&full));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("the gate is full"),
            _ = gates.enter(&free) => {}
        }
        drop(pass);
        waiting.await;
    }

    #[tokio::test]
    async fn gates_that_nobody_uses_go() {
        let gates = Gates::new(1);
        for number in 0..10_000 {
            gates.enter(&endpoint(number)).await;
        }
        assert!(gates.open.lock().unwrap().len() <= SWEEP_FROM);
    }
}
