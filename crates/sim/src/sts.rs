//! AWS STS: regional, and with nothing behind it. Whoever may be somebody else is settled by the setup's roles.

use crate::rds::error;
use crate::request::{Answer, StsOp};
use crate::world::World;

/// Temporary credentials live one hour.
const LIFETIME: i64 = 3_600_000;

impl World {
    pub(crate) fn sts(&self, op: &StsOp, actor: &str, number: u64) -> Answer {
        let account = &self.setup.aws_account;
        match op {
            StsOp::GetCallerIdentity => Answer::Caller {
                arn: format!("arn:aws:sts::{account}:assumed-role/{actor}"),
                account: account.clone(),
            },
            StsOp::AssumeRole {
                role_arn,
                session_name,
                external_id,
            } => {
                let roles = &self.setup.roles;
                let known = roles.iter().any(|role| {
                    role.arn == *role_arn && (role.external_id.is_none() || role.external_id == *external_id)
                });
                if !roles.is_empty() && !known {
                    let message =
                        format!("User: {actor} is not authorized to perform: sts:AssumeRole on resource: {role_arn}");
                    return error(403, "AccessDenied", &message);
                }
                let mut parts = role_arn.split(':').skip(4);
                let owner = parts.next().unwrap_or(account);
                let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
                Answer::Credentials {
                    access_key: format!("ASIA{number:016}"),
                    secret_key: format!("secret-{number:032}"),
                    session_token: format!("token-{number:064}"),
                    expires: self.now + LIFETIME,
                    arn: format!("arn:aws:sts::{owner}:assumed-role/{role}/{session_name}"),
                }
            }
        }
    }
}
