//! What one command costs in the call core: in a call of two, in a full call, and a whole call life.

use std::hint::black_box;

use criterion::{criterion_group, criterion_main};
use trunkline_benches::{ThreadCpuTime, criterion};
use trunkline_call::{
    Action, Actor, Call, CallConfig, Command, Input, Invite, MediaMode, NewCall, Origin,
    ResolvedTarget, Signal,
};
use trunkline_clock::VirtualClock;
use trunkline_ids::{CallId, CommunicationIdentifier, EndpointId, GroupId, OperationId};

/// A call whose members send commands; nothing else happens meanwhile.
struct Bench {
    clock: VirtualClock,
    call: Call,
    operations: u128,
}

impl Bench {
    fn new(origin: Origin) -> Self {
        let clock = VirtualClock::default();
        let call_id = CallId::from_uuid_bytes([7; 16]);
        let config = CallConfig::default();
        let call = Call::new(clock.now(), NewCall { call_id, origin, thread_id: None, config });
        Self { clock, call, operations: 0 }
    }

    fn command(&mut self, actor: &Actor, action: Action) -> usize {
        self.operations += 1;
        let operation_id = OperationId::from_uuid_bytes(self.operations.to_be_bytes());
        let command = Command { actor: actor.clone(), operation_id, action };
        self.call.handle_input(self.clock.now(), Input::Command(command));
        self.drain()
    }

    fn signal(&mut self, signal: Signal) {
        self.call.handle_input(self.clock.now(), Input::Signal(signal));
        self.drain();
    }

    fn drain(&mut self) -> usize {
        std::iter::from_fn(|| self.call.poll_output()).map(black_box).count()
    }

    fn join(&mut self, actor: &Actor) {
        let media = MediaMode::PeerConnection;
        self.command(actor, Action::Join { display_name: None, media });
        let connection_id = self.call.connection_of(&actor.endpoint).expect("joined just now");
        self.signal(Signal::MediaUp { connection_id });
    }
}

fn actor(number: usize) -> Actor {
    let identifier: CommunicationIdentifier =
        format!("8:acs:bench_user-{number}").parse().expect("an app user");
    let endpoint: EndpointId = format!("endpoint-{number}").parse().expect("an endpoint");
    Actor { identifier, endpoint }
}

fn full(participants: usize) -> Bench {
    let mut bench = Bench::new(Origin::GroupId(GroupId::from_uuid_bytes([1; 16])));
    for number in 0..participants {
        bench.join(&actor(number));
    }
    bench
}

/// Rings, connects, holds, resumes and hangs up.
fn life(alice: &Actor, bob: &Actor) -> usize {
    let mut bench = Bench::new(Origin::Placed);
    let target = ResolvedTarget {
        identifier: bob.identifier.clone(),
        endpoints: vec![bob.endpoint.clone()],
        display_name: None,
    };
    let media = MediaMode::PeerConnection;
    let targets = vec![Invite { target, ring_for: None }];
    bench.command(alice, Action::Place { targets, display_name: None, media });
    bench.signal(Signal::EndpointRinging { endpoint: bob.endpoint.clone() });
    bench.command(bob, Action::Accept { display_name: None, media });
    for actor in [alice, bob] {
        let connection_id = bench.call.connection_of(&actor.endpoint).expect("in the call");
        bench.signal(Signal::MediaUp { connection_id });
    }
    bench.command(alice, Action::Hold);
    bench.command(alice, Action::Resume);
    bench.command(bob, Action::HangUp)
}

fn call(criterion: &mut criterion::Criterion<ThreadCpuTime>) {
    let mut group = criterion.benchmark_group("call");
    for (name, participants) in [("command", 2), ("command/350", 350)] {
        let mut bench = full(participants);
        let (actor, mut is_muted) = (actor(0), false);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                is_muted = !is_muted;
                bench.command(&actor, if is_muted { Action::Mute } else { Action::Unmute })
            });
        });
    }
    let (alice, bob) = (actor(1), actor(2));
    group.bench_function("life", |bencher| bencher.iter(|| life(&alice, &bob)));
    let mut bench = full(350);
    let (host, guest) = (actor(0), actor(1));
    group.bench_function("mute_all_and_one_back/350", |bencher| {
        bencher.iter(|| {
            bench.command(&host, Action::MuteAllOthers);
            bench.command(&guest, Action::Unmute)
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = call
}
criterion_main!(benches);
