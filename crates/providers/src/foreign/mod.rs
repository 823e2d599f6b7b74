//! Foreign bytes on the whole wire: whatever a proxy, a newer provider or a broken connection makes of an answer, it is
//! never a panic, never believed unless it is a whole and valid answer, and no text of it acts on a terminal.
//!
//! Each test twists valid answers, in structure and in bytes; `whole` is its own idea of what must still be there, written
//! from the providers' API references and not from the code. `PROPTEST_CASES` lengthens the tests; what once failed is kept
//! in `proptest-regressions`.

mod amazon;
mod cloudflare;
mod proofs;
mod twist;

use crate::Clouds;
use crate::canned::{Asked, Canned, Reply, clouds, sts};
use crate::{Eyes, Hands};
use breakwater_core::decision::Effect;
use breakwater_core::outcome::Outcome;
use breakwater_core::reading::{Cause, Query, Seen, Value};
use breakwater_core::time::Now;
use breakwater_engine::call::Call;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use twist::{Damage, Node, damage, twists};

/// When everything is asked.
const ASKED: &str = "2026-11-25T10:00:00Z";

/// A server that answers with what it is told, and clouds that ask it.
struct Bench {
    runtime: Runtime,
    server: Canned,
    clouds: Clouds,
    reply: Arc<Mutex<Reply>>,
}

impl Bench {
    /// STS answers as it should.
    fn new() -> Bench {
        Bench::with(|asked, reply| sts(asked).unwrap_or(reply))
    }

    fn with(choose: fn(&Asked, Reply) -> Reply) -> Bench {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let reply = Arc::new(Mutex::new(Reply::Silence));
        let current = reply.clone();
        let server = runtime.block_on(Canned::start(move |asked| {
            choose(asked, current.lock().unwrap().clone())
        }));
        Bench {
            clouds: clouds(&server),
            runtime,
            server,
            reply,
        }
    }

    fn answer(&self, reply: Reply) {
        self.server.forget();
        *self.reply.lock().unwrap() = reply;
    }

    /// The one answer to a question.
    fn ask(&self, clouds: &Clouds, query: &Query) -> Value {
        let now = Now {
            mono: Duration::ZERO,
            wall: ASKED.parse().unwrap(),
        };
        let mut answers = self.runtime.block_on(clouds.query(now, Cause(7), query));
        assert_eq!(answers.len(), 1, "one key was asked");
        answers.remove(0).1
    }

    fn call(&self, effect: &Effect) -> Outcome {
        let call = Call::Effect(effect.clone());
        let patience = Duration::from_secs(2);
        self.runtime
            .block_on(self.clouds.call(Cause(9), Cause(8), patience, &call))
    }
}

/// What is done to one valid answer.
#[derive(Clone, Debug)]
struct Change {
    twists: Vec<(proptest::sample::Index, twist::Twist)>,
    damage: Option<Damage>,
}

fn change() -> impl Strategy<Value = Change> {
    let twisted = (twists(), proptest::option::weighted(0.2, damage()));
    prop_oneof![
        3 => twisted.prop_map(|(twists, damage)| Change { twists, damage }),
        2 => damage().prop_map(|damage| Change { twists: vec![], damage: Some(damage) }),
    ]
}

/// A changed answer: its bytes, and whether these are still a whole answer as far as can be told: `None` where a damaged
/// byte may have left it one.
struct Changed {
    node: Node,
    bytes: Vec<u8>,
    whole: Option<bool>,
}

impl Change {
    fn of(&self, valid: &Node, write: fn(&Node) -> Vec<u8>, whole: impl Fn(&Node) -> bool) -> Changed {
        let mut node = valid.clone();
        for twist in &self.twists {
            node.twisted(twist);
        }
        let undamaged = write(&node);
        let mut bytes = undamaged.clone();
        let whole = whole(&node);
        let whole = match &self.damage {
            None => Some(whole),
            Some(damage) => {
                damage.apply(&mut bytes);
                match damage {
                    _ if bytes == undamaged => Some(whole),
                    // No document of theirs is the beginning of another one.
                    Damage::Cut(_) => Some(false),
                    Damage::Insert(..) | Damage::Overwrite(..) | Damage::Append(_) | Damage::Pad(..) => None,
                }
            }
        };
        Changed { node, bytes, whole }
    }
}

/// Runs a property for many changes.
fn for_all<S: Strategy>(name: &'static str, strategy: S, holds: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    let config = Config {
        source_file: Some(file!()),
        test_name: Some(name),
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(&strategy, holds) {
        panic!("{name}: {error}");
    }
}

/// Whether a reading says anything about its object.
fn says(value: &Value) -> Says {
    fn of<T>(seen: &Seen<T>) -> Says {
        match seen {
            Seen::Present(_) => Says::There,
            Seen::Absent => Says::Absent,
            Seen::Silent => Says::Silent,
            Seen::Unknown(_) => Says::Nothing,
        }
    }
    match value {
        Value::Instance(seen) => of(seen),
        Value::Lag(seen) => of(seen),
        Value::Parameters(seen) => of(seen),
        Value::PoolHealth(seen) => of(seen),
        Value::Pool(seen) => of(seen),
        Value::Monitor(seen) => of(seen),
        Value::Balancer(seen) => of(seen),
        Value::Names(seen) => of(seen),
        Value::Change(seen) => of(seen),
        Value::Probe(_) | Value::Proof(_) => panic!("{value:?}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    There,
    Absent,
    Silent,
    Nothing,
}

/// No text of an answer can act on a terminal, hide in a log or fill a status, and no token stands in it.
fn is_clean(said: &impl Debug) -> Result<(), TestCaseError> {
    // A backslash of a text is written as two.
    let debug = format!("{said:?}").replace("\\\\", "");
    for (at, _) in debug.match_indices("\\u{") {
        let digits = debug[at + 3..].split('}').next().unwrap_or_default();
        let shown = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let acts = shown.is_none_or(|c| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        });
        prop_assert!(!acts, "{debug}");
    }
    for control in ["\\n", "\\r", "\\t", "\\0", "\u{1b}"] {
        prop_assert!(!debug.contains(control), "{control:?} in {debug}");
    }
    for secret in ["very-secret-token", "AKIDTEST", "token-of-", "session-secret"] {
        prop_assert!(!debug.contains(secret), "{secret} in {debug}");
    }
    // Records are kept byte for byte, to be sent back; nothing of them is shown.
    let (most, in_one) = match debug.starts_with("Names(") {
        true => (200_000, 33_000),
        false => (20_000, 3_000),
    };
    prop_assert!(debug.chars().count() < most, "{} characters", debug.chars().count());
    let longest = debug
        .split('"')
        .map(|part| part.chars().count())
        .max()
        .unwrap_or_default();
    prop_assert!(longest < in_one, "{longest} characters in one text");
    Ok(())
}
