//! The form of a script. Unknown fields are refused: a typo must not make a script say less than it seems to.

use super::Trouble;
use super::clock::{Clock, Span};
use super::deeds::{Controller, Person, TwistOf};
use super::expect::Expect;
use super::request::Asked;
use super::spec::SpecChange;
use breakwater_sim::Fault;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// A night.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What happens, in a few words.
    pub title: String,
    /// What happens, why it matters, what is right.
    pub story: String,
    /// For a case from the field: where it was told.
    #[serde(default)]
    pub source: Option<String>,
    /// The shops of the demo that take part: `shop-ca` (proof URLs, failover order), `shop-geo` (no proof URLs, geo
    /// steering), `shop-west` (prefers the other region).
    #[serde(default = "shop_ca")]
    pub shops: Vec<String>,
    /// Seed of the world.
    #[serde(default = "one")]
    pub seed: u64,
    /// Changes to the world's set-up (JSON merge patch).
    #[serde(default)]
    pub world: Value,
    /// Changes to the set-up of each shop (JSON merge patch).
    #[serde(default)]
    pub shop: Value,
    /// The AWS region that the controller runs in, where it is told.
    #[serde(default)]
    pub observer: Option<String>,
    /// The API server admits RegionSwitches in another's name: the admission policies are missing.
    #[serde(default, rename = "forgedNamesAdmitted")]
    pub forged_names_admitted: bool,
    /// What the shops' specs say otherwise than by default.
    #[serde(default)]
    pub spec: SpecChange,
    /// The Storefronts are created at 02:00:00, instead of having been adopted and ready for a while.
    #[serde(default)]
    pub new: bool,
    /// Which variants of the closed lists the run shows: `diagnosis/RegionDown`, `refusal/CoolDown`, `level/Adopted`.
    #[serde(default)]
    pub shows: Vec<String>,
    /// Marks that the run must not show.
    #[serde(default)]
    pub never: Vec<String>,
    /// What happens, in order.
    pub timeline: Vec<Step>,
    /// When the run ends.
    pub until: Clock,
    /// What must be true at the end.
    pub ends: Many<Expect>,
    /// The night in the table of all: what is seen (a few words).
    pub pattern: String,
    /// Where shoppers could not buy for more than ten minutes and nothing was promoted: why that was right.
    #[serde(default)]
    pub why: Option<String>,
}

/// Something that happens: at a time, or once something holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// At this time.
    #[serde(default)]
    pub at: Option<Clock>,
    /// Once this holds.
    #[serde(default)]
    pub when: Option<Expect>,
    /// How long that is waited for (2 h).
    #[serde(default)]
    pub within: Option<Span>,
    /// So long after the time, or after it held.
    #[serde(default)]
    pub after: Option<Span>,
    /// A line for the transcript.
    #[serde(default)]
    pub say: Option<String>,
    /// Faults by a name of the script's own, in the form of the simulated world.
    #[serde(default)]
    pub inject: BTreeMap<String, Fault>,
    /// Names of faults that end.
    #[serde(default)]
    pub clear: Many<String>,
    /// What persons (or their tools) do with their consoles.
    #[serde(default)]
    pub person: Many<Person>,
    /// What befalls the controller.
    #[serde(default)]
    pub controller: Many<Controller>,
    /// What befalls a deed of the controller that is still to come.
    #[serde(default)]
    pub twist: Many<TwistOf>,
    /// RegionSwitches that persons create.
    #[serde(default)]
    pub request: Many<Asked>,
    /// Names of RegionSwitches (of records: `shop-ca-e2-failover`) that a person approves.
    #[serde(default)]
    pub approve: Many<String>,
    /// Names of RegionSwitches that are withdrawn.
    #[serde(default)]
    pub withdraw: Many<String>,
    /// An edit of the spec.
    #[serde(default)]
    pub edit: Option<SpecChange>,
    /// What must be true now.
    #[serde(default)]
    pub expect: Many<Expect>,
}

/// One, or a list.
#[derive(Clone, Debug)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Many(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Many<T> {
    // Not an untagged enum: its errors say that no variant fits, and nothing about the typo.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = serde_yaml_ng::Value::deserialize(from)?;
        if value.is_sequence() {
            Vec::deserialize(value).map(Many).map_err(D::Error::custom)
        } else {
            T::deserialize(value)
                .map(|one| Many(vec![one]))
                .map_err(D::Error::custom)
        }
    }
}

fn shop_ca() -> Vec<String> {
    vec!["shop-ca".into()]
}

fn one() -> u64 {
    1
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// When it is not one; the message says where.
    pub fn parse(name: &str, text: &str) -> Result<Script, Trouble> {
        let script: Script = serde_yaml_ng::from_str(text).map_err(|error| wrong(name, error.to_string()))?;
        script.judge().map_err(|why| wrong(name, why))?;
        Ok(script)
    }

    fn judge(&self) -> Result<(), String> {
        if self.shops.is_empty() {
            return Err("it lists no shop".into());
        }
        for (index, step) in self.timeline.iter().enumerate() {
            let step_number = index + 1;
            if step.at.is_some() == step.when.is_some() {
                return Err(format!("step {step_number} needs a time: either 'at' or 'when'"));
            }
            if step.within.is_some() && step.when.is_none() {
                return Err(format!(
                    "step {step_number} waits for nothing: 'within' belongs to 'when'"
                ));
            }
            if step.at.is_some_and(|at| at > self.until) {
                return Err(format!("step {step_number} comes after the end"));
            }
        }
        Ok(())
    }
}

fn wrong(script: &str, why: String) -> Trouble {
    Trouble::Script {
        script: script.to_owned(),
        why,
    }
}
