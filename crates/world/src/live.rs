//! The simulated world, and the clock that drives it.

use std::sync::{Mutex, PoisonError};

use breakwater_sim::{Meta, Reply, Request, Vantage, World};

use crate::clock::{Clock, real_micros};

/// The simulated world under a lock, never behind its clock when somebody looks.
pub struct Live {
    world: Mutex<World>,
    clock: Clock,
}

impl Live {
    /// Puts a world on a clock.
    pub fn new(world: World, clock: Clock) -> Self {
        Self {
            world: Mutex::new(world),
            clock,
        }
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Looks at the world, or does something to it, as it is now.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // A wall clock may be set back; the world waits until it has caught up.
        if now > world.now() {
            world.advance(now);
        }
        look(&mut world)
    }

    /// Asks. What takes effect does so before this returns.
    pub fn ask(&self, vantage: Vantage, meta: Meta, request: Request) -> Reply {
        self.with(|world| world.ask(vantage, meta, request))
    }

    /// The answer to this request leaves now.
    pub fn answered(&self, number: u64) {
        self.with(|world| world.answered(number, Some(real_micros())));
    }

    /// The asker of this request stopped waiting now.
    pub fn gave_up(&self, number: u64) {
        self.with(|world| world.gave_up(number, Some(real_micros())));
    }
}
