//! Fields of Cloudflare's documents: absent and null are the same, a value of another kind spoils the document. To take
//! a default for what cannot be read would be to believe it.

use super::is_id;
use crate::fault::Fault;
use breakwater_core::Text;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

pub(super) fn object(value: &Value) -> Result<&Object, Fault> {
    value
        .as_object()
        .ok_or_else(|| Fault::malformed("the result is no object"))
}

fn field<'a, T>(of: &'a Object, name: &str, kind: fn(&'a Value) -> Option<T>) -> Result<Option<T>, Fault> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => kind(value).map(Some).ok_or_else(|| unknown_kind(name)),
    }
}

pub(super) fn unknown_kind(name: &str) -> Fault {
    Fault::malformed(&format!("{name} is of a kind that is not known"))
}

pub(super) fn flag(of: &Object, name: &str) -> Result<Option<bool>, Fault> {
    field(of, name, Value::as_bool)
}

pub(super) fn number(of: &Object, name: &str) -> Result<Option<u64>, Fault> {
    field(of, name, Value::as_u64)
}

pub(super) fn string<'a>(of: &'a Object, name: &str) -> Result<Option<&'a str>, Fault> {
    field(of, name, Value::as_str)
}

pub(super) fn objects<'a>(of: &'a Object, name: &str) -> Result<Vec<&'a Object>, Fault> {
    let items = field(of, name, Value::as_array)?.into_iter().flatten();
    items
        .map(|item| item.as_object().ok_or_else(|| unknown_kind(name)))
        .collect()
}

pub(super) fn part<'a>(of: &'a Object, name: &str) -> Result<Option<&'a Object>, Fault> {
    field(of, name, Value::as_object)
}

/// A pool, or nothing where an empty text stands for it.
pub(super) fn pool(of: &Object, name: &str) -> Result<Option<Text>, Fault> {
    match string(of, name)?.filter(|pool| !pool.is_empty()) {
        None => Ok(None),
        Some(pool) if is_id(pool) => Ok(Some(pool.into())),
        Some(_) => Err(unknown_kind(name)),
    }
}

pub(super) fn pools(of: &Object, name: &str) -> Result<Vec<Text>, Fault> {
    let items = field(of, name, Value::as_array)?.into_iter().flatten();
    items.map(|item| id(item).ok_or_else(|| unknown_kind(name))).collect()
}

pub(super) fn places(of: &Object, name: &str) -> Result<BTreeMap<Text, Vec<Text>>, Fault> {
    let Some(places) = part(of, name)? else {
        return Ok(BTreeMap::new());
    };
    let keys = places.keys().map(|place| match is_id(place) {
        true => Ok((Text::from(place.as_str()), pools(places, place)?)),
        false => Err(unknown_kind(name)),
    });
    keys.collect()
}

fn id(value: &Value) -> Option<Text> {
    value.as_str().filter(|id| is_id(id)).map(Text::from)
}
