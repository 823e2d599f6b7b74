//! The resources of Breakwater: the three kinds, `parse` from a spec to core's `Shop`, `render` from core's
//! report and journal to a status, and the CRDs as YAML.
//!
//! It knows how things are written down in Kubernetes. It knows no client and takes no decision.

// kube's derive takes one `printcolumn(...)` a column; clippy takes the second for a repetition of the first.
#![allow(clippy::duplicated_attributes)]

pub mod asked;
pub mod bounds;
pub mod class;
pub mod conditions;
pub mod crds;
pub mod failover;
pub mod outdated;
pub mod parse;
pub mod record;
pub mod region_switch;
pub mod render;
pub mod status;
pub mod storefront;
pub mod unserved;

pub use asked::{answer_status, request_of};
pub use breakwater_core::journal::record_name;
pub use class::{StorefrontClass, StorefrontClassSpec, StorefrontClassStatus};
pub use conditions::Condition;
pub use crds::{crd_files, crds, crds_yaml};
pub use parse::{Invalid, parse};
pub use record::{move_status, region_switch_of, shift_status};
pub use region_switch::{RegionSwitch, RegionSwitchSpec, RegionSwitchStatus};
pub use render::{Unusable, invalid_status, journal_of, render};
pub use status::StorefrontStatus;
pub use storefront::{Storefront, StorefrontSpec};
pub use unserved::{Unserved, answer_unserved};

/// API group of all kinds.
pub const GROUP: &str = "breakwater.dev";
/// Its version.
pub const VERSION: &str = "v1alpha1";
/// Finalizer of a Storefront: our TXT record and tags are removed before the object goes.
pub const FINALIZER: &str = "breakwater.dev/storefront";
/// Annotation that, set to `true`, drops the finalizer without cleaning up.
pub const ABANDON_ANNOTATION: &str = "breakwater.dev/abandon";
/// `requestedBy` of a RegionSwitch that the controller made itself.
pub const REQUESTED_BY_CONTROLLER: &str = "breakwater";
