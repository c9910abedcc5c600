//! Values that outlive a restart: they can be changed only in ways that count the change.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

/// A value and how often it has changed. Reading is free; there is no way to write past the count.
pub(super) struct Kept<T> {
    value: T,
    changes: u64,
}

impl<T> Kept<T> {
    pub(super) const fn new(value: T) -> Self {
        Self { value, changes: 0 }
    }

    /// Returns how often the value has changed.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    fn note(&mut self, is_changed: bool) -> bool {
        self.changes += u64::from(is_changed);
        is_changed
    }
}

impl<T: PartialEq> Kept<T> {
    /// Puts another value in place; returns whether it is another.
    pub(super) fn set(&mut self, value: T) -> bool {
        let is_changed = self.value != value;
        self.value = value;
        self.note(is_changed)
    }
}

impl<K: Ord, V: Copy + PartialEq> Kept<BTreeMap<K, V>> {
    pub(super) fn insert(&mut self, key: K, value: V) {
        let before = self.value.insert(key, value);
        self.note(before != Some(value));
    }
}

impl<T: Ord> Kept<BTreeSet<T>> {
    /// Adds an element; returns whether it was missing.
    pub(super) fn insert(&mut self, element: T) -> bool {
        let is_changed = self.value.insert(element);
        self.note(is_changed)
    }

    pub(super) fn remove(&mut self, element: &T) {
        let is_changed = self.value.remove(element);
        self.note(is_changed);
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
