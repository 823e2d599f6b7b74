//! The two regions of a shop, told apart by preference and not by who is active.

use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};

/// One of the two regions of a shop, as its spec lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// `spec.regions.primary`: the preferred region.
    Primary,
    /// `spec.regions.secondary`.
    Secondary,
}

impl Side {
    /// Both, primary first.
    pub const BOTH: [Side; 2] = [Side::Primary, Side::Secondary];

    /// The other region.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Primary => Side::Secondary,
            Side::Secondary => Side::Primary,
        }
    }
}

/// Something that each of the two regions has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSide<T> {
    /// The preferred region's.
    pub primary: T,
    /// The other one's.
    pub secondary: T,
}

impl<T> PerSide<T> {
    /// Each gets the other's.
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.primary, &mut self.secondary);
    }
}

impl<T> Index<Side> for PerSide<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::Primary => &self.primary,
            Side::Secondary => &self.secondary,
        }
    }
}

impl<T> IndexMut<Side> for PerSide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Primary => &mut self.primary,
            Side::Secondary => &mut self.secondary,
        }
    }
}
