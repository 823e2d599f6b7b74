//! The rig: simulator and engine coupled by one synchronous queue in virtual time. It runs scenarios, soaks and the
//! plugin's `simulate`. It does not know sockets or Kubernetes.

mod answers;
mod asking;
mod calling;
mod rig;
mod shops;
mod store;

pub use rig::{Kill, Options, Rig};
pub use shops::{NAMESPACE, shop_of};
pub use store::HistoryEntry;
