//! An object whose members stand in an order: that in which clients wrote them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

/// Names and what is said of each. A name that was written twice is there twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Members<T>(pub(crate) Vec<(String, T)>);

impl<T> Members<T> {
    /// Returns what is said of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets what is said of a name. One that is known keeps its place, a new one goes to the end.
    pub(crate) fn set(&mut self, name: String, value: T) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, said)) => *said = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes a name out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for Members<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
    type Value = Members<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_the_order_in_which_they_were_written() {
        let text = r#"{"b":1,"a":2,"c":3}"#;
        let mut members: Members<u8> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&members).unwrap(), text);
        members.set("a".to_owned(), 4);
        members.set("0".to_owned(), 5);
        members.remove("b");
        members.remove("never");
        assert_eq!(serde_json::to_string(&members).unwrap(), r#"{"a":4,"c":3,"0":5}"#);
        assert_eq!((members.get("a"), members.get("b")), (Some(&4), None));
        assert!(serde_json::from_str::<Members<u8>>("[]").is_err());
    }
}
