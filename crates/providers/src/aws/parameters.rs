//! `DescribeDBParameters`: `read_only` of a parameter group.

use super::{Aws, send, wire::Wire};
use crate::fault::Fault;
use crate::text::clean;
use breakwater_core::Text;
use breakwater_core::reading::{Cause, ParametersView, Seen};
use breakwater_core::shop::Scope;
use std::time::Instant;

/// The parameter that keeps a MySQL server from taking writes.
pub(super) const READ_ONLY: &str = "read_only";

/// `MaxRecords`, the greatest that RDS takes.
const PAGE: i32 = 100;

/// MySQL has some 600 parameters.
const MOST_PAGES: usize = 50;

impl Aws {
    pub(crate) async fn parameters(&self, cause: Cause, scope: &Scope, group: &Text) -> Seen<ParametersView> {
        let asked = Instant::now();
        match self.read_only(cause, &scope.region, group).await {
            Ok(read_only) => Seen::Present(ParametersView { read_only }),
            Err(Fault::Refused { status: 404, code, .. }) if &*code == "DBParameterGroupNotFound" => Seen::Absent,
            Err(fault) => self.seen(&scope.region, asked, &fault),
        }
    }

    async fn read_only(&self, cause: Cause, region: &Text, group: &Text) -> Result<Option<Text>, Fault> {
        let (lane, credentials) = self.signed(region).await?;
        let mut marker: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let operation = lane
                .rds
                .describe_db_parameters()
                .db_parameter_group_name(&**group)
                .max_records(PAGE)
                .set_marker(marker.clone());
            let asked = send!(
                Wire::asking(cause),
                aws_sdk_rds,
                credentials,
                self.base.read_timeout(),
                operation
            );
            let answer = self.learn(&lane, &self.role, asked)?;
            let Some(listed) = answer.parameters else {
                return Err(Fault::malformed("DescribeDBParameters answered without a list"));
            };
            // One without its name may be any, the one that is looked for too.
            if listed.iter().any(|one| one.parameter_name().is_none_or(str::is_empty)) {
                return Err(Fault::malformed(
                    "DescribeDBParameters listed a parameter without its name",
                ));
            }
            if let Some(found) = listed.iter().find(|one| one.parameter_name() == Some(READ_ONLY)) {
                return Ok(found.parameter_value().map(clean));
            }
            match answer.marker.filter(|next| !next.is_empty()) {
                None => return Ok(None),
                Some(next) if marker.as_ref() == Some(&next) => break,
                Some(next) => marker = Some(next),
            }
        }
        Err(Fault::malformed("DescribeDBParameters does not come to an end"))
    }
}
