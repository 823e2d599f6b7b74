//! Role sessions, one per role and region, asked of that region's STS.

use super::Lane;
use super::wire::Wire;
use crate::fault::Fault;
use crate::settings::Settings;
use crate::text::clean;
use aws_credential_types::Credentials;
use breakwater_core::Text;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// `RoleSessionName`, as CloudTrail shows it.
const SESSION_NAME: &str = "breakwater";

/// A session is renewed this long before its end, real time: a region's STS may be silent for a while without the
/// region itself being out of reach.
const RENEW_BEFORE: Duration = Duration::from_secs(15 * 60);

/// A session is not used any more this long before its end: a request must reach AWS while it lasts.
const LEAST_LEFT: Duration = Duration::from_secs(10);

/// First pause after a failed renewal, real time; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Pause after a denial: nobody mends a trust policy within seconds, and hot retries throttle the whole account.
const DENIED_PAUSE: Duration = Duration::from_secs(60);

type Key = (Text, Text);

/// The sessions of one class.
pub(crate) struct Sessions {
    external_id: Text,
    settings: Settings,
    held: Mutex<HashMap<Key, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    /// One renewal at a time.
    renewing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    session: Option<Session>,
    failed: Option<Failed>,
}

#[derive(Clone)]
struct Session {
    credentials: Credentials,
    ends: SystemTime,
    renew_before: Duration,
}

#[derive(Clone)]
struct Failed {
    fault: Fault,
    times: u32,
    again: Instant,
}

impl Session {
    fn left(&self) -> Duration {
        // An end in the past is zero left, hence "renew now", never "never".
        self.ends.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

impl Slot {
    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn usable(&self) -> Option<Credentials> {
        let session = self.state().session?;
        (session.left() > LEAST_LEFT).then_some(session.credentials)
    }
}

impl Sessions {
    pub(crate) fn new(external_id: Text, settings: &Settings) -> Self {
        Sessions {
            external_id,
            settings: settings.clone(),
            held: Mutex::default(),
        }
    }

    /// Credentials of this role for this lane: its own session, renewed in time; if its STS fails, the session
    /// that still lasts; else one of the same role from another region's STS, because sessions of regional
    /// endpoints are valid everywhere, and a region whose STS is silent must still be asked itself.
    pub(crate) async fn credentials(&self, lane: &Lane, role: &Text) -> Result<Credentials, Fault> {
        let slot = self.slot(role, &lane.region);
        let fault = match self.renewed(&slot, lane, role).await {
            Ok(credentials) => return Ok(credentials),
            Err(fault) => fault,
        };
        if let Some(credentials) = slot.usable() {
            return Ok(credentials);
        }
        if let Fault::Denied(_) | Fault::Clock(_) = fault {
            return Err(fault);
        }
        self.elsewhere(role, &lane.region).ok_or(fault)
    }

    /// Credentials of this role for a call: a session that lasts is taken as it is, because a renewal that hangs
    /// would use up the call's time.
    pub(crate) async fn credentials_at_once(&self, lane: &Lane, role: &Text) -> Result<Credentials, Fault> {
        match self.slot(role, &lane.region).usable() {
            Some(credentials) => Ok(credentials),
            None => self.credentials(lane, role).await,
        }
    }

    /// Lets go of a session that the provider does not take any more.
    pub(crate) fn forget(&self, role: &Text, region: &Text) {
        let slot = self.slot(role, region);
        slot.state.lock().unwrap_or_else(PoisonError::into_inner).session = None;
    }

    fn slot(&self, role: &Text, region: &Text) -> Arc<Slot> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.entry((role.clone(), region.clone())).or_default().clone()
    }

    fn elsewhere(&self, role: &Text, region: &Text) -> Option<Credentials> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter()
            .filter(|((of, at), _)| of == role && at != region)
            .find_map(|(_, slot)| slot.usable())
    }

    async fn renewed(&self, slot: &Slot, lane: &Lane, role: &Text) -> Result<Credentials, Fault> {
        if let Some(done) = settled(slot) {
            return done;
        }
        let _one = slot.renewing.lock().await;
        // Somebody else may have done it while we waited.
        if let Some(done) = settled(slot) {
            return done;
        }
        let asked = self.assume(lane, role).await;
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(session) => {
                let credentials = session.credentials.clone();
                *state = State {
                    session: Some(session),
                    failed: None,
                };
                Ok(credentials)
            }
            Err(fault) => {
                let times = state.failed.as_ref().map_or(0, |failed| failed.times).saturating_add(1);
                let again = Instant::now() + self.pause(&fault, times);
                state.failed = Some(Failed {
                    fault: fault.clone(),
                    times,
                    again,
                });
                Err(fault)
            }
        }
    }

    fn pause(&self, fault: &Fault, times: u32) -> Duration {
        let pause = match fault {
            Fault::Denied(_) => DENIED_PAUSE,
            _ => FIRST_PAUSE
                .saturating_mul(1 << times.saturating_sub(1).min(5))
                .min(LONGEST_PAUSE),
        };
        self.settings.io(pause)
    }

    async fn assume(&self, lane: &Lane, role: &Text) -> Result<Session, Fault> {
        let wire = Wire::of_keys();
        let asked = lane
            .sts
            .assume_role()
            .role_arn(&**role)
            .role_session_name(SESSION_NAME)
            .external_id(&*self.external_id)
            .customize()
            .interceptor(wire.clone())
            .send()
            .await;
        // A key that was cut off would sign wrongly for as long as the session lasts.
        let answer = asked
            .map_err(|error| wire.fault(&error))
            .and_then(|answer| wire.accept(answer))
            .map_err(|fault| of_sts(fault, &lane.region))?;
        // The SDK gives up altogether on a key that no header can hold.
        let is_key = |key: &&str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        let whole = |given: &&aws_sdk_sts::types::Credentials| {
            [given.access_key_id(), given.secret_access_key(), given.session_token()]
                .iter()
                .all(is_key)
        };
        let given = answer
            .credentials()
            .filter(whole)
            .ok_or_else(|| Fault::Ours("STS answered without credentials".into()))?;
        let ends = SystemTime::try_from(*given.expiration())
            .map_err(|_| Fault::Ours("STS named an end of the session that is no time".into()))?;
        let mut session = Session {
            credentials: Credentials::new(
                given.access_key_id(),
                given.secret_access_key(),
                Some(given.session_token().to_owned()),
                Some(ends),
                SESSION_NAME,
            ),
            ends,
            renew_before: RENEW_BEFORE,
        };
        // A short session is renewed at half its life, or it would be renewed with every request.
        session.renew_before = RENEW_BEFORE.min(session.left() / 2);
        if session.left() <= LEAST_LEFT {
            return Err(Fault::Ours(
                "STS gave a session that is already over by our clock; is it right?".into(),
            ));
        }
        Ok(session)
    }
}

/// What needs no request: a session that lasts long enough, or a failure that is not to be repeated yet.
fn settled(slot: &Slot) -> Option<Result<Credentials, Fault>> {
    let state = slot.state();
    if let Some(session) = state.session.filter(|session| session.left() > session.renew_before) {
        return Some(Ok(session.credentials));
    }
    state
        .failed
        .filter(|failed| failed.again > Instant::now())
        .map(|failed| Err(failed.fault))
}

/// Trouble with STS is never silence of the region: it is ours. Denial, throttling and a wrong clock keep their
/// meaning.
fn of_sts(fault: Fault, region: &str) -> Fault {
    let named = |text: &str| clean(&format!("STS of {region}: {text}"));
    match fault {
        Fault::Denied(text) => Fault::Denied(clean(&format!("sts:AssumeRole: {text}"))),
        Fault::Clock(text) => Fault::Clock(text),
        Fault::Throttled { after, text } => Fault::Throttled {
            after,
            text: named(&text),
        },
        Fault::Refused { code, text, .. } => Fault::Ours(named(&format!("{code}: {text}"))),
        Fault::TimedOut { .. } => Fault::Ours(named("no answer in time")),
        Fault::Ours(text) => Fault::Ours(text),
        Fault::Server(text) | Fault::Foreign(text) | Fault::Malformed(text) | Fault::Lost { text, .. } => {
            Fault::Ours(named(&text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Base;
    use crate::canned::{Canned, Reply, settings};

    /// A renewal that hangs costs a reading its patience once, and no call its time.
    #[tokio::test]
    async fn a_session_that_lasts_outlives_a_silent_sts() {
        let server = Canned::start(|_| Reply::Silence).await;
        let settings = settings(&server.url);
        let lane = Lane::build(&Base::new(settings.clone()), &"us-west-2".into()).await;
        let sessions = Sessions::new("x".into(), &settings);
        let role: Text = "role".into();
        let planted = Session {
            credentials: Credentials::new("ASIA-planted", "s", None, None, "test"),
            ends: SystemTime::now() + Duration::from_secs(600),
            renew_before: RENEW_BEFORE,
        };
        sessions.slot(&role, &lane.region).state.lock().unwrap().session = Some(planted);
        let is_planted = |given: Result<Credentials, Fault>| given.unwrap().access_key_id() == "ASIA-planted";
        assert!(is_planted(sessions.credentials_at_once(&lane, &role).await));
        assert_eq!(server.asked().len(), 0);
        assert!(is_planted(sessions.credentials(&lane, &role).await));
        assert!(is_planted(sessions.credentials(&lane, &role).await));
        assert_eq!(
            server.asked().len(),
            1,
            "the failed renewal is repeated after its pause, not at once"
        );
        sessions.forget(&role, &lane.region);
        assert!(matches!(
            sessions.credentials_at_once(&lane, &role).await,
            Err(Fault::Ours(_))
        ));
    }
}
