//! Ten thousand random lives of meetings whose call and chat lag behind and are changed by others.
//!
//! A life is made by its seed alone. A failing one prints it; `TRUNKLINE_SEED=<seed>` runs that one.

#[path = "simulation/life.rs"]
mod life;
#[path = "simulation/world.rs"]
mod world;

use std::{sync::Mutex, thread, time::Instant};

use trunkline_testkit::{SEED_VARIABLE, seeds};

use crate::life::{Life, Tally};

const LIVES: u64 = 10_000;

#[test]
fn ten_thousand_random_meetings_keep_every_law() {
    let began = Instant::now();
    let all = seeds(LIVES);
    let is_whole = all.end - all.start == LIVES;
    let tally = Mutex::new(Tally::default());
    let workers = thread::available_parallelism().map_or(1, usize::from) as u64;
    thread::scope(|scope| {
        for worker in 0..workers {
            let (all, tally) = (all.clone(), &tally);
            scope.spawn(move || {
                let mut own = Tally::default();
                for seed in all.filter(|seed| seed % workers == worker) {
                    let _announcement = Announcement(seed);
                    own.add(&Life::new(seed).live());
                }
                tally.lock().unwrap().add(&own);
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{tally:?} in {:?}", began.elapsed());
    if is_whole {
        tally.assert_varied();
    }
}

#[test]
fn the_same_seed_lives_the_same_life() {
    for seed in seeds(20) {
        let _announcement = Announcement(seed);
        assert_eq!(Life::new(seed).live(), Life::new(seed).live());
    }
}

/// Says which seed failed, when a life panics.
struct Announcement(u64);

impl Drop for Announcement {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("seed {0} failed: {SEED_VARIABLE}={0} runs it alone", self.0);
        }
    }
}
