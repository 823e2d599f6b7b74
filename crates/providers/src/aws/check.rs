//! Whether a class's roles and zones are what it says: for the class's own condition.

use super::wire::{NO_IDENTITY, Wire};
use super::{Aws, NAMES_REGION};
use crate::fault::Fault;
use crate::settings::ClassProblem;
use crate::text::clean;
use breakwater_core::Text;

impl Aws {
    /// Assumes the roles and lists a record of each zone.
    pub(crate) async fn check(&self, external_id: &Text) -> Result<(), ClassProblem> {
        let region = self.last_worked().unwrap_or_else(|| NAMES_REGION.into());
        let problem = |fault: Fault, role: &Text| session_problem(fault, role, external_id);
        let lane = self.lane(&region).await;
        self.sessions
            .credentials(&lane, &self.role)
            .await
            .map_err(|fault| problem(fault, &self.role))?;
        self.signed_for_names()
            .await
            .map_err(|fault| problem(fault, &self.dns_role))?;
        for zone in &self.zones {
            self.records(Wire::own(), zone, None, None)
                .await
                .map_err(|fault| zone_problem(fault, zone))?;
        }
        Ok(())
    }
}

fn session_problem(fault: Fault, role: &Text, external_id: &Text) -> ClassProblem {
    match fault {
        Fault::Denied(text) => ClassProblem::RoleDenied {
            role: role.clone(),
            external_id: external_id.clone(),
            text,
        },
        Fault::Clock(text) => ClassProblem::Clock(text),
        Fault::Ours(text) if text.contains(NO_IDENTITY) => ClassProblem::NoIdentity(text),
        other => ClassProblem::Unreachable {
            what: "STS".into(),
            text: other.trouble().text,
        },
    }
}

fn zone_problem(fault: Fault, zone: &Text) -> ClassProblem {
    match fault {
        Fault::Denied(text) => ClassProblem::Zone {
            zone: zone.clone(),
            text,
        },
        Fault::Refused { code, text, .. } => ClassProblem::Zone {
            zone: zone.clone(),
            text: clean(&format!("{code}: {text}")),
        },
        Fault::Clock(text) => ClassProblem::Clock(text),
        other => ClassProblem::Unreachable {
            what: "Route 53".into(),
            text: other.trouble().text,
        },
    }
}
