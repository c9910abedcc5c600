//! Every target against its valid inputs cut short, against a fixed seed, and against what once
//! broke it.

use std::fs;
use std::path::Path;

use trunkline_fuzz::driver;
use trunkline_fuzz::targets::{ALL, Target};

#[test]
fn every_prefix_of_every_sample_is_survived() {
    for target in ALL {
        for sample in (target.samples)() {
            for end in 0..=sample.len() {
                feed(target, &sample[..end], "prefix");
            }
        }
    }
}

#[test]
fn a_fixed_seed_is_survived() {
    for target in ALL {
        match driver::feed(target, SEED, None, |iteration| iteration < 2_000) {
            Ok(count) => assert!(count.accepted > 0, "{}: nothing was accepted", target.name),
            Err(failure) => panic!(
                "{}: {} at seed {SEED}, iteration {}: {:02x?}",
                target.name, failure.what, failure.iteration, failure.input
            ),
        }
    }
}

#[test]
fn what_once_broke_a_target_is_survived() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for target in ALL {
        let Ok(inputs) = fs::read_dir(folder.join(target.name)) else { continue };
        for input in inputs {
            let path = input.unwrap().path();
            feed(target, &fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}

fn feed(target: &Target, input: &[u8], what: &str) {
    if let Err(broken) = driver::run(target, input) {
        panic!("{}: {what} of {} bytes: {broken}: {input:02x?}", target.name, input.len());
    }
}

const SEED: u64 = 20_261_122;
