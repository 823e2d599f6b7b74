//! The rig: simulator and engine coupled by one synchronous queue in virtual time. It runs scenarios, soaks and the
//! plugin's `simulate`. It does not know sockets or Kubernetes.

mod answers;
mod asking;
mod calling;
mod deeds;
mod papers;
mod plot;
mod requests;
mod rig;
mod shops;
mod store;

pub use plot::{Aim, Deed, Twist};
pub use rig::{Options, Rig};
pub use shops::{NAMESPACE, shop_of};
pub use store::HistoryEntry;
