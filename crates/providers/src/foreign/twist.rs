//! Valid answers, twisted: elements gone, twice, renamed, of another type, deeply nested, and the bytes damaged.

use ciborium::Value as Cbor;
use proptest::prelude::*;
use proptest::sample::Index;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value as Json;

/// A document before it is written. In XML a map's entries are elements, in JSON and CBOR they are keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Text of an element, or a JSON literal; in CBOR `@` and a number is an instant.
    Leaf(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// One thing done to one node.
#[derive(Clone, Debug)]
pub(super) enum Twist {
    Remove,
    Twice,
    Rename(String),
    Replace(Node),
    SwapWithNext,
}

/// One thing done to the bytes.
#[derive(Clone, Debug)]
pub(super) enum Damage {
    Cut(Index),
    Insert(Index, Vec<u8>),
    Overwrite(Index, u8),
    Append(Vec<u8>),
    Pad(Index, usize),
}

/// Texts that must not come out as they went in, and values of the wrong type or size.
const LEAVES: &[&str] = &[
    "",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e308",
    "1e999",
    "99999999999999999999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "[]",
    "{}",
    "\"\"",
    "\"never-seen-before\"",
    "\"true\"",
    "\"\\u001b[31mred\\u0007\\u202e\\u200b\"",
    "never-seen-before",
    "available",
    "&#27;[31mred&#7;&#8238;",
    "<nested/>",
    "<![CDATA[x]]>",
    "&undefined;",
    "1999-01-01T00:00:00Z",
    "9999-12-30T23:59:59Z",
    "@1e300",
    "@-1",
    "@4102444800",
];

const NAMES: &[&str] = &[
    "x",
    "Errors",
    "member",
    "DBInstance",
    "Code",
    "id",
    "result",
    "success",
    "\u{1b}[2J",
];

fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        8 => proptest::sample::select(LEAVES).prop_map(|text| Node::Leaf(text.to_owned())),
        1 => (1usize..300).prop_map(|times| Node::Leaf(format!("\"{}\"", "\u{1b}long ".repeat(times)))),
        1 => (1usize..400).prop_map(deep),
    ]
}

/// So many levels of maps and lists.
fn deep(levels: usize) -> Node {
    (0..levels).fold(Node::Leaf("0".to_owned()), |inner, level| match level % 2 {
        0 => Node::Map(vec![("a".to_owned(), inner)]),
        _ => Node::List(vec![inner]),
    })
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        3 => Just(Twist::Remove),
        2 => Just(Twist::Twice),
        1 => proptest::sample::select(NAMES).prop_map(|name| Twist::Rename(name.to_owned())),
        5 => leaf().prop_map(Twist::Replace),
        1 => Just(Twist::SwapWithNext),
    ]
}

/// One to three twists, each with the node that it is for.
pub(super) fn twists() -> impl Strategy<Value = Vec<(Index, Twist)>> {
    proptest::collection::vec((any::<Index>(), twist()), 1..4)
}

/// What damages bytes.
pub(super) fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => any::<Index>().prop_map(Damage::Cut),
        2 => (any::<Index>(), proptest::collection::vec(any::<u8>(), 1..16))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Overwrite(at, byte)),
        2 => proptest::collection::vec(any::<u8>(), 1..16).prop_map(Damage::Append),
        1 => (any::<Index>(), 1usize..3_000_000).prop_map(|(at, size)| Damage::Pad(at, size)),
    ]
}

impl Damage {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |index: &Index, bytes: &Vec<u8>| index.index(bytes.len() + 1);
        match self {
            Damage::Cut(index) => bytes.truncate(at(index, bytes)),
            Damage::Insert(index, more) => {
                let at = at(index, bytes);
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Overwrite(index, byte) => {
                let at = index.index(bytes.len().max(1));
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Damage::Append(more) => bytes.extend(more),
            Damage::Pad(index, size) => {
                let at = at(index, bytes);
                bytes.splice(at..at, std::iter::repeat_n(b'x', *size));
            }
        }
    }
}

impl Node {
    /// Of a JSON document.
    pub(super) fn json(value: &Json) -> Node {
        match value {
            Json::Object(map) => Node::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), Node::json(value)))
                    .collect(),
            ),
            Json::Array(items) => Node::List(items.iter().map(Node::json).collect()),
            leaf => Node::Leaf(leaf.to_string()),
        }
    }

    /// Of an XML document without mixed content; attributes are left out.
    pub(super) fn xml(text: &str) -> Node {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<(String, Node)> = vec![("document".to_owned(), Node::Map(vec![]))];
        let close = |open: &mut Vec<(String, Node)>| {
            let (name, node) = open.pop().unwrap();
            match &mut open.last_mut().unwrap().1 {
                Node::Map(entries) => entries.push((name, node)),
                parent => *parent = Node::Map(vec![(name, node)]),
            }
        };
        let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let add = |open: &mut Vec<(String, Node)>, text: &str| match &mut open.last_mut().unwrap().1 {
            Node::Leaf(before) => before.push_str(text),
            node if !text.trim().is_empty() => *node = Node::Leaf(text.to_owned()),
            _ => {}
        };
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => open.push((name(start.local_name().as_ref()), Node::Map(vec![]))),
                Event::Empty(start) => {
                    open.push((name(start.local_name().as_ref()), Node::Map(vec![])));
                    close(&mut open);
                }
                Event::End(_) => close(&mut open),
                Event::Text(text) => add(&mut open, &String::from_utf8_lossy(&text)),
                Event::GeneralRef(entity) => add(&mut open, &format!("&{};", String::from_utf8_lossy(&entity))),
                Event::Eof => return open.pop().unwrap().1,
                _ => {}
            }
        }
    }

    /// All nodes but the root, by the way to them.
    fn ways(&self) -> Vec<Vec<usize>> {
        let children: Vec<&Node> = match self {
            Node::Leaf(_) => vec![],
            Node::List(items) => items.iter().collect(),
            Node::Map(entries) => entries.iter().map(|(_, node)| node).collect(),
        };
        let below = children.into_iter().enumerate().flat_map(|(index, child)| {
            let below = child.ways().into_iter().map(move |way| [vec![index], way].concat());
            std::iter::once(vec![index]).chain(below)
        });
        below.collect()
    }

    /// Does one thing to one node.
    pub(super) fn twisted(&mut self, (which, twist): &(Index, Twist)) {
        let ways = self.ways();
        if ways.is_empty() {
            return;
        }
        let way = &ways[which.index(ways.len())];
        let (last, to_parent) = way.split_last().unwrap();
        let mut parent = self;
        for step in to_parent {
            parent = match parent {
                Node::List(items) => &mut items[*step],
                Node::Map(entries) => &mut entries[*step].1,
                Node::Leaf(_) => return,
            };
        }
        match parent {
            Node::List(items) => twist.on(items, *last, |item, node| *item = node, |_, _| {}),
            Node::Map(entries) => twist.on(
                entries,
                *last,
                |entry, node| entry.1 = node,
                |entry, name| entry.0 = name.to_owned(),
            ),
            Node::Leaf(_) => {}
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        fn write(node: &Node, out: &mut String) {
            match node {
                Node::Leaf(literal) => out.push_str(literal),
                Node::List(items) => {
                    out.push('[');
                    for (index, item) in items.iter().enumerate() {
                        out.push_str(if index > 0 { "," } else { "" });
                        write(item, out);
                    }
                    out.push(']');
                }
                Node::Map(entries) => {
                    out.push('{');
                    for (index, (key, value)) in entries.iter().enumerate() {
                        out.push_str(if index > 0 { "," } else { "" });
                        out.push_str(&Json::from(key.as_str()).to_string());
                        out.push(':');
                        write(value, out);
                    }
                    out.push('}');
                }
            }
        }
        let mut out = String::new();
        write(self, &mut out);
        out.into_bytes()
    }

    pub(super) fn to_xml(&self) -> Vec<u8> {
        fn write(node: &Node, out: &mut String) {
            match node {
                Node::Leaf(text) => out.push_str(text),
                Node::List(items) => items.iter().for_each(|item| write(item, out)),
                Node::Map(entries) => {
                    for (name, inner) in entries {
                        out.push_str(&format!("<{name}>"));
                        write(inner, out);
                        out.push_str(&format!("</{name}>"));
                    }
                }
            }
        }
        let mut out = "<?xml version=\"1.0\"?>\n".to_owned();
        write(self, &mut out);
        out.into_bytes()
    }

    pub(super) fn to_cbor(&self) -> Vec<u8> {
        fn value(node: &Node) -> Cbor {
            match node {
                Node::Leaf(text) => match text.strip_prefix('@') {
                    Some(number) => Cbor::Tag(1, Box::new(Cbor::Float(number.parse().unwrap_or_default()))),
                    None => match serde_json::from_str::<Json>(text) {
                        Ok(literal) => Cbor::serialized(&literal).unwrap(),
                        Err(_) => Cbor::Text(text.clone()),
                    },
                },
                Node::List(items) => Cbor::Array(items.iter().map(value).collect()),
                Node::Map(entries) => Cbor::Map(
                    entries
                        .iter()
                        .map(|(key, node)| (Cbor::Text(key.clone()), value(node)))
                        .collect(),
                ),
            }
        }
        let mut out = vec![];
        ciborium::into_writer(&value(self), &mut out).unwrap();
        out
    }

    /// The node below these names; of several entries of a name the first.
    pub(super) fn at(&self, way: &[&str]) -> Option<&Node> {
        way.iter().try_fold(self, |node, name| match node {
            Node::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            Node::Leaf(_) | Node::List(_) => None,
        })
    }

    /// Whether a map in it has two entries of one name.
    pub(super) fn names_twice(&self) -> bool {
        match self {
            Node::Leaf(_) => false,
            Node::List(items) => items.iter().any(Node::names_twice),
            Node::Map(entries) => {
                let twice = |index: usize| entries[..index].iter().any(|(key, _)| *key == entries[index].0);
                (0..entries.len()).any(twice) || entries.iter().any(|(_, node)| node.names_twice())
            }
        }
    }
}

impl Twist {
    fn on<T: Clone>(
        &self,
        siblings: &mut Vec<T>,
        index: usize,
        replace: impl Fn(&mut T, Node),
        rename: impl Fn(&mut T, &str),
    ) {
        match self {
            Twist::Remove => {
                siblings.remove(index);
            }
            Twist::Twice => siblings.insert(index, siblings[index].clone()),
            Twist::Rename(name) => rename(&mut siblings[index], name),
            Twist::Replace(node) => replace(&mut siblings[index], node.clone()),
            Twist::SwapWithNext => {
                if index + 1 < siblings.len() {
                    siblings.swap(index, index + 1);
                }
            }
        }
    }
}
