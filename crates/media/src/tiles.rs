//! Which video a receiving leg shows on which of its tracks.
//!
//! A client that chooses gets what it chose. Tracks that it left alone are filled with cameras in
//! order of joining and keep what they show for as long as it is published, so that nothing jumps.

use thiserror::Error;

use crate::control::{LegKey, Mid, StreamKind, TrackBinding, TrackRole};

/// A source of video: a leg and which of its streams.
pub type Source = (LegKey, StreamKind);

/// A track whose content changed, and what it shows from there on.
pub type Change = (Mid, Option<Source>);

/// The video tracks of one receiving leg.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    tiles: Vec<Tile>,
}

/// What is published in a room at one moment, the receiving leg's own streams left out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Published {
    /// Legs with a camera on, in order of joining.
    pub cameras: Vec<LegKey>,
    /// The leg that shares its screen.
    pub screen: Option<LegKey>,
}

/// The leg has no video track of that name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("there is no receiving video track `{mid}`")]
pub struct UnknownTile {
    /// The name that was given.
    pub mid: Mid,
}

#[derive(Clone, Debug)]
struct Tile {
    mid: Mid,
    is_screen: bool,
    choice: Choice,
    shown: Option<Source>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Choice {
    /// The client said nothing: filled automatically.
    Automatic,
    /// The client said what to show, or that nothing is to be shown.
    Explicit(Option<Source>),
}

impl Tiles {
    /// Takes the receiving video tracks out of an offer's bindings.
    pub fn new(tracks: &[TrackBinding]) -> Self {
        let tile = |track: &TrackBinding| {
            let is_screen = match track.role {
                TrackRole::ReceiveScreen => true,
                TrackRole::ReceiveVideo => false,
                TrackRole::Camera
                | TrackRole::Microphone
                | TrackRole::ReceiveAudio
                | TrackRole::Screen => return None,
            };
            let mid = track.mid.clone();
            Some(Tile { mid, is_screen, choice: Choice::Automatic, shown: None })
        };
        Self { tiles: tracks.iter().filter_map(tile).collect() }
    }

    /// Notes what the client wants on a track; [`Tiles::update`] puts it into effect.
    pub fn choose(&mut self, mid: &Mid, source: Option<Source>) -> Result<(), UnknownTile> {
        let tile = self
            .tiles
            .iter_mut()
            .find(|tile| tile.mid == *mid)
            .ok_or_else(|| UnknownTile { mid: mid.clone() })?;
        tile.choice = Choice::Explicit(source);
        Ok(())
    }

    /// Decides anew what every track shows and returns those that changed.
    pub fn update(&mut self, published: &Published) -> Vec<Change> {
        let is_published = |(leg, kind): Source| match kind {
            StreamKind::Audio => false,
            StreamKind::Camera => published.cameras.contains(&leg),
            StreamKind::Screen => published.screen == Some(leg),
        };
        let mut next: Vec<Option<Source>> = self
            .tiles
            .iter()
            .map(|tile| match tile.choice {
                Choice::Explicit(source) => source.filter(|source| is_published(*source)),
                Choice::Automatic if tile.is_screen => {
                    published.screen.map(|leg| (leg, StreamKind::Screen))
                }
                Choice::Automatic => tile.shown.filter(|source| is_published(*source)),
            })
            .collect();
        let mut waiting = published
            .cameras
            .iter()
            .map(|leg| (*leg, StreamKind::Camera))
            .filter(|source| !next.contains(&Some(*source)))
            .collect::<Vec<_>>()
            .into_iter();
        for (tile, slot) in self.tiles.iter().zip(&mut next) {
            if slot.is_none() && !tile.is_screen && tile.choice == Choice::Automatic {
                *slot = waiting.next();
            }
        }
        let mut changes = Vec::new();
        for (tile, source) in self.tiles.iter_mut().zip(next) {
            if tile.shown != source {
                tile.shown = source;
                changes.push((tile.mid.clone(), source));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiles() -> Tiles {
        let track = |mid: &str, role| TrackBinding { mid: mid.parse().unwrap(), role };
        Tiles::new(&[
            track("0", TrackRole::Microphone),
            track("3", TrackRole::ReceiveAudio),
            track("4", TrackRole::ReceiveVideo),
            track("5", TrackRole::ReceiveVideo),
            track("6", TrackRole::ReceiveScreen),
        ])
    }

    fn published(cameras: &[u64], screen: Option<u64>) -> Published {
        Published {
            cameras: cameras.iter().map(|leg| LegKey::new(*leg)).collect(),
            screen: screen.map(LegKey::new),
        }
    }

    fn shown(changes: &[Change]) -> Vec<(String, Option<u64>)> {
        changes
            .iter()
            .map(|(mid, source)| (mid.to_string(), source.map(|(leg, _)| leg.value())))
            .collect()
    }

    fn tile(mid: &str, leg: Option<u64>) -> (String, Option<u64>) {
        (mid.to_owned(), leg)
    }

    #[test]
    fn free_tiles_fill_in_order_of_joining_and_nothing_jumps() {
        let mut tiles = tiles();
        let changes = tiles.update(&published(&[1, 2, 3], None));
        assert_eq!(shown(&changes), [tile("4", Some(1)), tile("5", Some(2))]);
        let changes = tiles.update(&published(&[2, 3], None));
        assert_eq!(shown(&changes), [tile("4", Some(3))]);
        assert_eq!(tiles.update(&published(&[2, 3], None)), []);
        let changes = tiles.update(&published(&[], None));
        assert_eq!(shown(&changes), [tile("4", None), tile("5", None)]);
    }

    #[test]
    fn a_screen_goes_to_the_screen_track_alone() {
        let mut tiles = tiles();
        let changes = tiles.update(&published(&[], Some(7)));
        assert_eq!(shown(&changes), [tile("6", Some(7))]);
        assert_eq!(changes[0].1, Some((LegKey::new(7), StreamKind::Screen)));
    }

    #[test]
    fn a_choice_is_shown_when_it_appears_and_is_not_filled_with_something_else() {
        let mut tiles = tiles();
        let mid = "4".parse().unwrap();
        tiles.choose(&mid, Some((LegKey::new(3), StreamKind::Camera))).unwrap();
        let changes = tiles.update(&published(&[1, 2], None));
        assert_eq!(shown(&changes), [tile("5", Some(1))]);
        let changes = tiles.update(&published(&[1, 2, 3], None));
        assert_eq!(shown(&changes), [tile("4", Some(3))]);
        tiles.choose(&mid, None).unwrap();
        assert_eq!(shown(&tiles.update(&published(&[1, 2, 3], None))), [tile("4", None)]);
    }

    #[test]
    fn only_receiving_video_tracks_can_be_chosen() {
        for mid in ["0", "3", "9"] {
            assert!(tiles().choose(&mid.parse().unwrap(), None).is_err());
        }
    }
}
