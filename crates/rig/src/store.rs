//! The journal store: compare-and-swap on a version, as the API server does it, and the history of all that was written.

use breakwater_core::journal::Journal;
use breakwater_core::report::Report;
use breakwater_core::shop::ShopKey;
use breakwater_engine::port::{Kept, Status, StoreError, Version};
use std::collections::BTreeMap;

/// One write that the store took.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// Virtual time, milliseconds since the Unix epoch.
    pub at: i64,
    /// Which Storefront.
    pub shop: ShopKey,
    /// The process that wrote it.
    pub holder: String,
    /// The journal that it wrote.
    pub journal: Journal,
    /// The report that it wrote; `None` where a status was taken away.
    pub report: Option<Report>,
    /// Not written by a controller: an older status was put back.
    pub restored: bool,
    /// It arrived after its sender had given up on it.
    pub late: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<ShopKey, (u64, Option<Status>)>,
    pub(crate) history: Vec<HistoryEntry>,
    /// The API server drops a field that its CRDs do not know. Any would do; this one is in every adopted journal.
    pub(crate) prunes: bool,
}

impl Store {
    pub(crate) fn create(&mut self, key: &ShopKey) {
        self.objects.entry(key.clone()).or_insert((1, None));
    }

    pub(crate) fn read(&self, key: &ShopKey) -> Result<Kept, StoreError> {
        let (version, status) = self.objects.get(key).ok_or(StoreError::Gone)?;
        Ok(kept(*version, status.as_ref()))
    }

    pub(crate) fn write(
        &mut self,
        at: i64,
        holder: &str,
        key: &ShopKey,
        status: &Status,
        against: &Version,
    ) -> Result<Kept, StoreError> {
        let (version, stored) = self.objects.get_mut(key).ok_or(StoreError::Gone)?;
        if *version.to_string() != **against {
            return Err(StoreError::Conflict);
        }
        let mut status = status.clone();
        if self.prunes {
            status.journal.places = None;
        }
        *version += 1;
        *stored = Some(status.clone());
        self.history.push(HistoryEntry {
            at,
            shop: key.clone(),
            holder: holder.to_owned(),
            journal: status.journal.clone(),
            report: Some(status.report.clone()),
            restored: false,
            late: false,
        });
        Ok(kept(*version, stored.as_ref()))
    }

    /// The newest write had been on its way for long.
    pub(crate) fn was_late(&mut self) {
        if let Some(entry) = self.history.last_mut() {
            entry.late = true;
        }
    }

    /// Somebody touches the object without changing its status, as a label of Argo CD does.
    pub(crate) fn touch(&mut self, key: &ShopKey) {
        if let Some((version, _)) = self.objects.get_mut(key) {
            *version += 1;
        }
    }

    /// Puts an older status back, as a restored backup does.
    pub(crate) fn restore(&mut self, at: i64, key: &ShopKey, status: Option<Status>) {
        if let Some((version, stored)) = self.objects.get_mut(key) {
            *version += 1;
            self.history.push(HistoryEntry {
                at,
                shop: key.clone(),
                holder: "a backup".into(),
                journal: status.as_ref().map(|status| status.journal.clone()).unwrap_or_default(),
                report: status.as_ref().map(|status| status.report.clone()),
                restored: true,
                late: false,
            });
            *stored = status;
        }
    }

    pub(crate) fn journal(&self, key: &ShopKey) -> Option<&Journal> {
        self.objects
            .get(key)
            .and_then(|(_, status)| status.as_ref())
            .map(|status| &status.journal)
    }

    pub(crate) fn status(&self, key: &ShopKey) -> Option<&Status> {
        self.objects.get(key).and_then(|(_, status)| status.as_ref())
    }
}

fn kept(version: u64, status: Option<&Status>) -> Kept {
    Kept {
        journal: status.map(|status| status.journal.clone()),
        version: version.to_string().into(),
    }
}
