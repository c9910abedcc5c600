//! What the plane wants of a shard: legs are opened, restarted, looked at and closed.

use std::sync::Arc;

use trunkline_clock::Now;
use trunkline_media::control::{LegKey, MediaCommand};
use trunkline_media::router::LegId;

use super::life::SWEEP_INTERVAL;
use super::{Inspecting, Leg, Opening, Order, Progress, Restarting, Shard, leg_mut};
use crate::dtls::Server;
use crate::ice::Agent;
use crate::stats::{LegState, LegStatus};

impl Shard {
    pub(super) fn take_orders(&mut self) {
        while let Some(order) = self.orders.next() {
            self.handle_order(order);
        }
        for leg in self.orders.overflowed_closes() {
            self.handle_command(MediaCommand::CloseLeg { leg });
        }
    }

    pub(super) fn handle_order(&mut self, order: Order) {
        match order {
            Order::Media(command) => self.handle_command(command),
            Order::Open(opening) => self.open(*opening),
            Order::Restart(restarting) => self.restart(*restarting),
            Order::Inspect(Inspecting { leg, reply }) => {
                // Whoever asked for a leg that is gone learns it from the end of the channel.
                if let Some(status) = self.status(leg) {
                    let _asker_left = reply.send(status);
                }
                return;
            }
        }
        self.mark_dirty();
    }

    fn handle_command(&mut self, command: MediaCommand) {
        let now = self.clock.now();
        match &command {
            MediaCommand::CloseLeg { leg } => {
                if let Some(id) = self.router.leg_id(*leg) {
                    self.close(now, id);
                }
                self.events.forget(*leg);
            }
            MediaCommand::SetPublish { .. }
            | MediaCommand::SetReceive { .. }
            | MediaCommand::SubscribeVideo { .. } => {}
        }
        if let Err(error) = self.router.handle_command(now, command) {
            tracing::debug!(%error, "media command refused");
        }
    }

    fn open(&mut self, opening: Opening) {
        let Opening { config, local, remote, fingerprints, offered_at, reply } = opening;
        let key = config.leg;
        let outcome = self.router.add_leg(self.clock.now(), config).map(|id| {
            self.peers.add_ufrag(local.ufrag(), id);
            let leg = Leg {
                key,
                id,
                agent: Agent::new(local, &remote),
                dtls: Server::new(Arc::clone(&self.identity), &fingerprints),
                state: Progress::Connecting { offered_at },
            };
            if self.legs.len() <= id.index() {
                self.legs.resize_with(id.index() + 1, || None);
            }
            self.legs[id.index()] = Some(leg);
            self.stats.legs += 1;
            self.sweep_at.get_or_insert(self.clock.instant() + SWEEP_INTERVAL);
        });
        // The caller may have given up meanwhile; then the leg must not stay.
        if let Err(Ok(())) = reply.send(outcome) {
            self.handle_command(MediaCommand::CloseLeg { leg: key });
        }
    }

    fn restart(&mut self, restarting: Restarting) {
        let Restarting { leg, local, remote, reply } = restarting;
        let id = self.router.leg_id(leg);
        let found = match id.and_then(|id| leg_mut(&mut self.legs, id)) {
            Some(leg) if leg.state != Progress::Failed => {
                self.peers.add_ufrag(local.ufrag(), leg.id);
                if let Some(retired) = leg.agent.restart(local, &remote) {
                    self.peers.remove_ufrag(&retired);
                }
                true
            }
            Some(_) | None => false,
        };
        let _caller_left = reply.send(found);
    }

    fn status(&self, key: LegKey) -> Option<LegStatus> {
        let id = self.router.leg_id(key)?;
        let leg = self.legs.get(id.index())?.as_ref().filter(|leg| leg.id == id)?;
        let state = match leg.state {
            Progress::Connected => LegState::Connected,
            Progress::Connecting { .. } => LegState::Connecting,
            Progress::Failed => LegState::Failed,
            Progress::Interrupted => LegState::Interrupted,
        };
        let report = self.router.report(key)?;
        Some(LegStatus { state, peer: leg.agent.selected(), report })
    }

    pub(super) fn close(&mut self, now: Now, id: LegId) {
        // Packets already sealed for the leg leave before its address is forgotten.
        self.flush();
        let Some(mut leg) = self.legs.get_mut(id.index()).and_then(Option::take) else { return };
        leg.dtls.close(now.instant);
        self.send_dtls(&mut leg);
        self.forget_peer(&leg);
        self.stats.legs -= 1;
    }
}
