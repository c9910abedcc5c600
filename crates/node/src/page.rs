//! Pages of lists: a part of the items, and where the next part begins.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// A part of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to ask for to get the part after this one; `None` when this is the last.
    pub next: Option<PageCursor>,
}

/// A place in a list, given out with a page and good for the same list only.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PageCursor(pub(crate) u64);

impl<T> Page<T> {
    /// Cuts a page from one item more than it may have: whether that one is there says whether a
    /// next page is. `place` says where an item is.
    pub(crate) fn cut(mut items: Vec<T>, limit: usize, place: impl Fn(&T) -> u64) -> Self {
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|last| PageCursor(place(last)));
        Self { items, next }
    }

    /// Returns the same page of something else.
    pub(crate) fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

impl FromStr for PageCursor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
