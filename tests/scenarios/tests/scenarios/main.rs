//! Whole runs in virtual time: what happens to the shops, and what must be true afterwards.

mod away;
mod cut_off;
mod database_dies;
mod died_anywhere;
mod former_writer;
mod lease;
mod link;
mod lost;
mod object_let_go;
mod outage;
mod owned_elsewhere;
mod partition;
mod promotion;
mod quiet;
mod quotas;
mod region_dies;
mod requests;
mod same_seed;
mod services_die;
mod takeover;
mod three_balancers;
mod troubles_at_random;
