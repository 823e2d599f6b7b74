//! JSON in which no object names a key twice: of two, serde_json keeps the last, and which one was meant nobody knows.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// A JSON value without such objects.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Parts).map(Unique)
    }
}

/// Reads a document, all of it: an object. (Derived readers take an array for a structure as well, field by field.)
pub(crate) fn read(body: &[u8]) -> serde_json::Result<Map<String, Value>> {
    match serde_json::from_slice(body)? {
        Unique(Value::Object(map)) => Ok(map),
        Unique(_) => Err(serde_json::Error::custom("no object")),
    }
}

struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that is none"))?;
        Ok(number.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = vec![];
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Unique(value))) = entries.next_entry::<String, Unique>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("an object names a key twice"));
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_twice_is_refused_at_any_depth_and_so_is_what_is_no_object() {
        for twice in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": {"b": [], "b": []}}"#,
            r#"{"l": [{"a": null, "a": 0}]}"#,
            "[]",
            r#"{"a": 1} x"#,
        ] {
            assert!(read(twice.as_bytes()).is_err(), "{twice}");
        }
        let plain = r#"{"a": {"a": 1}, "b": [1, -2, 1.5, "x", true, null], "c": 18446744073709551615}"#;
        let expected: Value = serde_json::from_str(plain).unwrap();
        assert_eq!(Value::Object(read(plain.as_bytes()).unwrap()), expected);
    }
}
