//! What people read: pure functions from objects and the time to text. Ages are computed here; status holds none.

pub(crate) mod ahead;
pub(crate) mod consent;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod stand;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod tree;

#[cfg(test)]
mod tests;
