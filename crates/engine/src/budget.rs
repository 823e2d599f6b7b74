//! Budgets: how fast an account may be asked and called, and how long it is left alone after it throttled us.
//!
//! They protect quotas and are no safety rule. A fifth of what a provider allows is left to others (Terraform,
//! external-dns, people), and for clocks that do not tick alike.

use breakwater_core::Text;
use breakwater_core::pacing::Limits;
use breakwater_core::shop::Scope;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a provider counts together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Account {
    /// Cloudflare, by the token of a class: 1,200 calls in 5 min, of which the class grants a part.
    Cloudflare(Text),
    /// Route 53 of a class: for each action 50 at once and 10 a second.
    Route53(Text),
    /// RDS of an account and region: no published limit.
    Rds(Scope),
    /// CloudWatch of an account and region: 50 `GetMetricData` a second.
    CloudWatch(Scope),
}

/// What is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spend {
    /// A reading.
    Read,
    /// The state of a Route 53 change, or a parameter group of RDS: they have a bucket of their own, so that many of them
    /// never hold up what decides.
    Poll,
    /// A call. At Cloudflare the reading back is part of it.
    Write,
}

/// How urgent it is: what nobody waits for leaves half of a bucket to what somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// A next step waits for it.
    Needed,
    /// It is about a shop whose turn it is.
    Called,
    /// A first look at users' view where something is wrong: when writes stopped is counted from it.
    Sight,
    /// It was never read.
    First,
    /// Slow rotation.
    Rest,
}

/// A token bucket: so many at once, then so many a second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
    burst: f64,
    per_second: f64,
}

impl Bucket {
    fn full(burst: f64, per_second: f64) -> Self {
        Bucket {
            tokens: burst,
            at: Duration::ZERO,
            burst,
            per_second,
        }
    }

    /// A bucket that never gives more than so many in any 5 min: a ninth of it at once.
    fn of_five_minutes(most: f64) -> Self {
        let burst = (most / 9.0).max(1.0);
        Bucket::full(burst, (most - burst).max(1.0) / 300.0)
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.at = self.at.max(now);
    }

    /// The level from which on this may be spent. More than the bucket holds is spent from a full one, and owed.
    fn threshold(&self, cost: f64, tier: Tier) -> f64 {
        let kept_back = match tier {
            Tier::Needed | Tier::Called | Tier::Sight => 0.0,
            Tier::First | Tier::Rest => self.burst / 2.0,
        };
        (cost + kept_back).min(self.burst)
    }

    fn has(&mut self, now: Duration, cost: f64, tier: Tier) -> bool {
        self.fill(now);
        self.tokens >= self.threshold(cost, tier)
    }

    fn ready(&self, cost: f64, tier: Tier) -> Duration {
        let lacks = (self.threshold(cost, tier) - self.tokens).max(0.0);
        // A millisecond more, so that rounding never wakes too early.
        self.at + Duration::from_secs_f64(lacks / self.per_second) + Duration::from_millis(1)
    }
}

/// What was spent in any 5 min. A quiet day leaves most of it for the first minutes of an outage.
#[derive(Clone, Debug)]
struct Window {
    most: usize,
    spent: VecDeque<Duration>,
}

impl Window {
    /// How much of it may be spent in this tier: rotation takes a third, and first looks leave an eighth to those whose
    /// turn it is.
    fn most(&self, tier: Tier) -> usize {
        match tier {
            Tier::Needed | Tier::Called => self.most,
            Tier::Sight | Tier::First => self.most - self.most / 8,
            Tier::Rest => self.most / ROTATION,
        }
    }

    fn has(&mut self, now: Duration, cost: u32, tier: Tier) -> bool {
        while self.spent.front().is_some_and(|at| *at + FIVE_MINUTES <= now) {
            self.spent.pop_front();
        }
        self.spent.len() + cost as usize <= self.most(tier)
    }

    fn ready(&self, cost: u32, tier: Tier) -> Duration {
        let over = (self.spent.len() + cost as usize).saturating_sub(self.most(tier));
        let frees = over.checked_sub(1).and_then(|index| self.spent.get(index));
        frees.map_or(Duration::ZERO, |at| *at + FIVE_MINUTES)
    }
}

/// One account.
#[derive(Clone, Debug)]
struct Purse {
    /// Readings in 5 min, where the provider counts so.
    window: Option<Window>,
    /// What rotation may take of them, evenly: were its part spent at once, all of it might be spent right before an outage.
    rotation: Option<Bucket>,
    reads: Bucket,
    polls: Bucket,
    writes: Bucket,
    /// After throttling: no call before the first, no reading before the second.
    paused: Option<(Duration, Duration)>,
    throttled: u32,
    /// After a pause one request tries; the others wait for its answer.
    trying: bool,
}

/// All accounts.
#[derive(Debug)]
pub(crate) struct Budgets {
    purses: BTreeMap<Account, Purse>,
    limits: BTreeMap<Text, Limits>,
    seed: u64,
}

/// The part of the readings that rotation takes: a third.
const ROTATION: usize = 3;
const FIVE_MINUTES: Duration = Duration::from_secs(300);
/// The first pause after throttling; it doubles, and is longer by chance by up to a half.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// An answer has come by then: no request takes longer.
const ANSWER: Duration = Duration::from_secs(5);
/// Cloudflare refuses for 5 min: no pause of ours is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Calls and readings of Route 53, of the 10 a second and 50 at once that it allows for each action.
const ROUTE53: (f64, f64) = (40.0, 8.0);
/// Pages of `DescribeDBInstances` (100 instances each), and calls to RDS: no limit is published; these are modest.
const RDS_READS: (f64, f64) = (20.0, 4.0);
const RDS_PARAMETERS: (f64, f64) = (10.0, 2.0);
const RDS_WRITES: (f64, f64) = (10.0, 1.5);
/// `GetMetricData` requests of 250 replicas each.
const CLOUDWATCH: (f64, f64) = (20.0, 4.0);

impl Budgets {
    pub(crate) fn new(seed: &str) -> Self {
        Budgets {
            purses: BTreeMap::new(),
            limits: BTreeMap::new(),
            seed: hash(0, seed),
        }
    }

    /// What a class grants; a change of it begins with full buckets of the new size.
    pub(crate) fn grant(&mut self, class: &Text, limits: Limits) {
        if self.limits.get(class) != Some(&limits) {
            self.limits.insert(class.clone(), limits);
            self.purses.remove(&Account::Cloudflare(class.clone()));
        }
    }

    /// What a class grants.
    pub(crate) fn limits(&self, class: &Text) -> Limits {
        self.limits.get(class).copied().unwrap_or_default()
    }

    /// Whether so much may be spent now.
    pub(crate) fn may(&mut self, account: &Account, spend: Spend, cost: u32, tier: Tier, now: Duration) -> bool {
        let purse = self.purse(account);
        if purse.resumes(spend).is_some_and(|at| now < at) {
            return false;
        }
        if cost == 0 {
            return true;
        }
        let in_window = match (&mut purse.window, spend) {
            (Some(window), Spend::Read) => window.has(now, cost, tier),
            (Some(_) | None, _) => true,
        };
        let in_rotation = match purse.rotation(spend, tier) {
            Some(rotation) => rotation.has(now, f64::from(cost), Tier::Needed),
            None => true,
        };
        in_window && in_rotation && (purse.is_burst(tier) || purse.bucket(spend).has(now, f64::from(cost), tier))
    }

    /// When it may be, if nothing else is spent meanwhile. `may` must have said no just now.
    pub(crate) fn ready(&mut self, account: &Account, spend: Spend, cost: u32, tier: Tier) -> Duration {
        let purse = self.purse(account);
        let resumes = purse.resumes(spend).unwrap_or_default();
        if cost == 0 {
            return resumes;
        }
        let frees = match (&purse.window, spend) {
            (Some(window), Spend::Read) => window.ready(cost, tier),
            (Some(_) | None, _) => Duration::ZERO,
        };
        if purse.is_burst(tier) {
            return frees.max(resumes);
        }
        let rotates = purse
            .rotation(spend, tier)
            .map_or(Duration::ZERO, |rotation| rotation.ready(f64::from(cost), Tier::Needed));
        let ready = purse.bucket(spend).ready(f64::from(cost), tier);
        ready.max(resumes).max(frees).max(rotates)
    }

    /// It is spent.
    pub(crate) fn spend(&mut self, account: &Account, spend: Spend, cost: u32, tier: Tier, now: Duration) {
        let purse = self.purse(account);
        if let (Some(window), Spend::Read) = (&mut purse.window, spend) {
            window.spent.extend((0..cost).map(|_| now));
        }
        if let Some(rotation) = purse.rotation(spend, tier) {
            rotation.tokens -= f64::from(cost);
        }
        if !purse.is_burst(tier) {
            purse.bucket(spend).tokens -= f64::from(cost);
        }
        if purse.throttled > 0 {
            purse.trying = true;
            purse.paused = Some((now + ANSWER, now + ANSWER));
        }
    }

    /// Whether the account is left alone now.
    pub(crate) fn is_paused(&mut self, account: &Account, now: Duration) -> bool {
        self.purse(account).resumes(Spend::Write).is_some_and(|at| now < at)
    }

    /// The provider throttled us: the whole account is left alone, readings twice as long as calls. Answers to what had
    /// been sent before prolong nothing.
    pub(crate) fn throttled(&mut self, account: &Account, named: Option<Duration>, now: Duration) {
        let seed = self.seed;
        let purse = self.purse(account);
        if !purse.trying && purse.resumes(Spend::Write).is_some_and(|at| now < at) {
            return;
        }
        let doubled = FIRST_PAUSE * 2u32.saturating_pow(purse.throttled.min(8));
        let pause = named.unwrap_or(doubled).min(LONGEST_PAUSE);
        let jitter = hash(seed ^ u64::from(purse.throttled), &format!("{account:?}")) % 512;
        let pause = pause + pause.mul_f64(jitter as f64 / 1024.0);
        purse.throttled = purse.throttled.saturating_add(1);
        purse.trying = false;
        purse.paused = Some((now + pause, now + 2 * pause));
    }

    /// The provider answered.
    pub(crate) fn answered(&mut self, account: &Account, now: Duration) {
        if let Some(purse) = self.purses.get_mut(account)
            && purse.throttled > 0
            && (purse.trying || purse.resumes(Spend::Write).is_none_or(|at| now >= at))
        {
            purse.throttled = 0;
            purse.trying = false;
            purse.paused = None;
        }
    }

    /// Seconds that Cloudflare's quota gives each reading of this class in the long run.
    pub(crate) fn seconds_per_reading(&mut self, class: &Text) -> f64 {
        1.0 / self.purse(&Account::Cloudflare(class.clone())).reads.per_second
    }

    fn purse(&mut self, account: &Account) -> &mut Purse {
        if !self.purses.contains_key(account) {
            let purse = match account {
                // Half of Cloudflare's quota is kept for calls.
                Account::Cloudflare(class) => {
                    let half = f64::from(self.limits(class).cloudflare_per_5_minutes) / 2.0;
                    let buckets = (Bucket::of_five_minutes(half), Bucket::of_five_minutes(half));
                    Purse {
                        window: Some(Window {
                            most: half as usize,
                            spent: VecDeque::new(),
                        }),
                        rotation: Some(Bucket::full(half / 18.0, half / ROTATION as f64 / 300.0)),
                        ..Purse::new(buckets.0, buckets.1)
                    }
                }
                Account::Route53(_) => Purse::new(bucket(ROUTE53), bucket(ROUTE53)),
                Account::Rds(_) => Purse {
                    polls: bucket(RDS_PARAMETERS),
                    ..Purse::new(bucket(RDS_READS), bucket(RDS_WRITES))
                },
                Account::CloudWatch(_) => Purse::new(bucket(CLOUDWATCH), bucket(CLOUDWATCH)),
            };
            self.purses.insert(account.clone(), purse);
        }
        self.purses
            .entry(account.clone())
            .or_insert_with(|| Purse::new(bucket(ROUTE53), bucket(ROUTE53)))
    }
}

impl Purse {
    fn new(reads: Bucket, writes: Bucket) -> Self {
        Purse {
            window: None,
            rotation: None,
            reads,
            polls: reads,
            writes,
            paused: None,
            throttled: 0,
            trying: false,
        }
    }

    /// First looks are spent at once, not spread.
    fn is_burst(&self, tier: Tier) -> bool {
        self.window.is_some() && tier == Tier::Sight
    }

    fn rotation(&mut self, spend: Spend, tier: Tier) -> Option<&mut Bucket> {
        let rotates = spend == Spend::Read && tier == Tier::Rest;
        self.rotation.as_mut().filter(|_| rotates)
    }

    fn bucket(&mut self, spend: Spend) -> &mut Bucket {
        match spend {
            Spend::Read => &mut self.reads,
            Spend::Poll => &mut self.polls,
            Spend::Write => &mut self.writes,
        }
    }

    fn resumes(&self, spend: Spend) -> Option<Duration> {
        self.paused.map(|(calls, readings)| match spend {
            Spend::Write => calls,
            Spend::Read | Spend::Poll => readings,
        })
    }
}

fn bucket((burst, per_second): (f64, f64)) -> Bucket {
    Bucket::full(burst, per_second)
}

/// FNV-1a: jitter without chance, the same in every process that is told the same.
fn hash(seed: u64, text: &str) -> u64 {
    text.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account::Cloudflare("production".into())
    }

    /// The times at which whoever asks every 100 ms for half an hour is allowed to.
    fn greedy(tiers: &[Tier]) -> Vec<Duration> {
        let mut budgets = Budgets::new("me");
        budgets.grant(&"production".into(), Limits::default());
        let mut spent = Vec::new();
        for now in (0..18_000).map(|tenths| Duration::from_millis(tenths * 100)) {
            for tier in tiers {
                while budgets.may(&account(), Spend::Read, 1, *tier, now) {
                    budgets.spend(&account(), Spend::Read, 1, *tier, now);
                    spent.push(now);
                }
            }
        }
        spent
    }

    fn most_in_five_minutes(spent: &[Duration]) -> usize {
        let until = |from: &Duration| spent.partition_point(|at| *at < *from + FIVE_MINUTES);
        let counts = spent.iter().enumerate().map(|(index, from)| until(from) - index);
        counts.max().unwrap_or(0)
    }

    #[test]
    fn readings_take_half_of_the_quota_at_most() {
        let all = [Tier::Needed, Tier::Called, Tier::Sight, Tier::First, Tier::Rest];
        let spent = greedy(&all);
        assert!(most_in_five_minutes(&spent) <= 450);
        assert!(spent.len() > 450 * 5, "and use it: {}", spent.len());
    }

    #[test]
    fn rotation_leaves_most_of_it_to_the_first_minutes_of_an_outage() {
        assert!(most_in_five_minutes(&greedy(&[Tier::Rest])) <= 150);
    }

    /// Else an outage that begins right after finds nothing left for 5 min.
    #[test]
    fn rotation_is_even() {
        let spent = greedy(&[Tier::Rest]);
        let in_a_minute = |from: &Duration| spent.partition_point(|at| *at < *from + Duration::from_secs(60));
        let steady = spent.iter().enumerate().filter(|(_, at)| **at >= FIVE_MINUTES);
        let most = steady.map(|(index, from)| in_a_minute(from) - index).max().unwrap();
        // 30 a minute, and what a full bucket gives at once.
        assert!(most <= 30 + 25, "{most} in a minute");
    }

    #[test]
    fn it_is_ready_when_it_says_so() {
        let mut budgets = Budgets::new("me");
        let mut now = Duration::ZERO;
        for _ in 0..2_000 {
            if budgets.may(&account(), Spend::Read, 1, Tier::Called, now) {
                budgets.spend(&account(), Spend::Read, 1, Tier::Called, now);
            } else {
                let ready = budgets.ready(&account(), Spend::Read, 1, Tier::Called);
                assert!(ready > now, "a wake in the past would be fed for ever");
                now = ready;
                assert!(budgets.may(&account(), Spend::Read, 1, Tier::Called, now));
            }
        }
    }

    #[test]
    fn a_throttled_account_is_left_alone_longer_each_time_and_readings_longer_than_calls() {
        let mut budgets = Budgets::new("me");
        let mut now = Duration::from_secs(1);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            budgets.throttled(&account(), None, now);
            budgets.throttled(&account(), None, now);
            let calls = budgets.ready(&account(), Spend::Write, 0, Tier::Needed) - now;
            let readings = budgets.ready(&account(), Spend::Read, 0, Tier::Needed) - now;
            assert_eq!(readings, 2 * calls);
            assert!(!budgets.may(&account(), Spend::Read, 0, Tier::Needed, now + calls));
            assert!(budgets.may(&account(), Spend::Write, 1, Tier::Needed, now + calls));
            pauses.push(calls);
            now += calls;
        }
        assert!(pauses[0] >= FIRST_PAUSE && pauses[0] <= FIRST_PAUSE * 3 / 2);
        assert!(pauses[3] > 2 * pauses[1]);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE * 3 / 2));
        budgets.answered(&account(), now);
        assert!(!budgets.is_paused(&account(), now));
    }
}
