//! Collects what breaks a rule.

use super::Invalid;
use crate::bounds::{self, Constraint};
use crate::failover::range::Range;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use url::Url;

/// The shapes of strings: a pattern, a length and what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Name,
    Label,
    Host,
    RecordName,
    Region,
    CloudflareId,
    DbInstance,
    HostedZone,
    Url,
}

type Pattern = LazyLock<Option<Regex>>;

static NAME: Pattern = LazyLock::new(|| Regex::new(bounds::NAME).ok());
static LABEL: Pattern = LazyLock::new(|| Regex::new(bounds::LABEL).ok());
static HOST: Pattern = LazyLock::new(|| Regex::new(bounds::HOST).ok());
static REGION: Pattern = LazyLock::new(|| Regex::new(bounds::REGION).ok());
static CLOUDFLARE_ID: Pattern = LazyLock::new(|| Regex::new(bounds::CLOUDFLARE_ID).ok());
static DB_INSTANCE: Pattern = LazyLock::new(|| Regex::new(bounds::DB_INSTANCE).ok());
static HOSTED_ZONE: Pattern = LazyLock::new(|| Regex::new(bounds::HOSTED_ZONE).ok());
static URL: Pattern = LazyLock::new(|| Regex::new(bounds::URL).ok());

impl Shape {
    fn pattern(self) -> Option<&'static Regex> {
        match self {
            Shape::Name => NAME.as_ref(),
            Shape::Label => LABEL.as_ref(),
            Shape::Host | Shape::RecordName => HOST.as_ref(),
            Shape::Region => REGION.as_ref(),
            Shape::CloudflareId => CLOUDFLARE_ID.as_ref(),
            Shape::DbInstance => DB_INSTANCE.as_ref(),
            Shape::HostedZone => HOSTED_ZONE.as_ref(),
            Shape::Url => URL.as_ref(),
        }
    }

    fn max(self) -> usize {
        match self {
            Shape::Name => bounds::NAME_MAX,
            Shape::Label | Shape::DbInstance => bounds::LABEL_MAX,
            Shape::Host => bounds::HOST_MAX,
            Shape::RecordName => bounds::RECORD_NAME_MAX,
            Shape::Region => bounds::REGION_MAX,
            Shape::CloudflareId | Shape::HostedZone => 32,
            Shape::Url => bounds::URL_MAX,
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Shape::Name => "a Kubernetes name: lower-case letters, digits, `-` and `.`",
            Shape::Label => "a short name: lower-case letters, digits and `-`",
            Shape::Host | Shape::RecordName => "a hostname: lower case, with a domain, without a final dot",
            Shape::Region => "an AWS region like ca-central-1",
            Shape::CloudflareId => "an id of Cloudflare: 32 lower-case hexadecimal digits",
            Shape::DbInstance => "an RDS identifier: lower-case letters, digits and single `-`, a letter first",
            Shape::HostedZone => "the id of a hosted zone like Z0123456789, without /hostedzone/",
            Shape::Url => "an http or https URL without user name",
        }
    }
}

#[derive(Default)]
pub(super) struct Checker {
    invalid: Vec<Invalid>,
}

impl Checker {
    pub(super) fn finish(self) -> Vec<Invalid> {
        self.invalid
    }

    pub(super) fn refuse(&mut self, path: &str, message: &str) {
        self.invalid.push(Invalid {
            path: path.to_owned(),
            message: message.to_owned(),
        });
    }

    /// A rule across fields of the object at `path`.
    pub(super) fn holds(&mut self, holds: bool, path: &str, constraint: Constraint) {
        if !holds {
            self.refuse(&format!("{path}{}", constraint.field), constraint.message);
        }
    }

    pub(super) fn present(&mut self, path: &str, value: &str) {
        if value.is_empty() {
            self.refuse(path, "is missing");
        }
    }

    pub(super) fn shape(&mut self, path: &str, value: &str, shape: Shape) -> bool {
        let fits = value.chars().count() <= shape.max();
        // A pattern that does not compile matches nothing; a test compiles them all.
        let matches = shape.pattern().is_some_and(|pattern| pattern.is_match(value));
        if !(fits && matches) {
            self.refuse(
                path,
                &format!("write {}, at most {} characters", shape.remedy(), shape.max()),
            );
        }
        fits && matches
    }

    pub(super) fn range(&mut self, path: &str, value: i32, (least, most): Range) {
        if value < least || value > most {
            self.refuse(path, &format!("{value} is not between {least} and {most}: change it"));
        }
    }

    pub(super) fn count(&mut self, path: &str, count: usize, (least, most): (usize, usize)) {
        if count < least || count > most {
            self.refuse(path, &format!("has {count} entries: give it {least} to {most}"));
        }
    }

    pub(super) fn unique<'a>(&mut self, path: &str, keys: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for key in keys {
            if !seen.insert(key) {
                self.refuse(path, &format!("{key} stands here twice: remove or rename one"));
            }
        }
    }

    /// A URL whose host the class allows.
    pub(super) fn allowed_url(&mut self, path: &str, value: &str, allowed: &[String]) {
        if !self.shape(path, value, Shape::Url) {
            return;
        }
        let host = Url::parse(value).ok().and_then(|url| url.host_str().map(str::to_owned));
        match host {
            Some(host) if allowed.iter().any(|pattern| host_matches(&host, pattern)) => {}
            Some(host) => self.refuse(
                path,
                &format!(
                    "the class does not allow host {host}: use one of {}, or ask for it in allowedHosts of the class",
                    allowed.join(", ")
                ),
            ),
            None => self.refuse(path, "write a URL with a host and a port below 65536"),
        }
    }
}

/// `*.example.com` allows every name below example.com, at any depth, and not example.com itself.
fn host_matches(host: &str, pattern: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => host
            .strip_suffix(domain)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|label| !label.is_empty()),
        None => host == pattern,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [
            bounds::NAME,
            bounds::LABEL,
            bounds::HOST,
            bounds::ALLOWED_HOST,
            bounds::REGION,
            bounds::CLOUDFLARE_ID,
            bounds::DB_INSTANCE,
            bounds::HOSTED_ZONE,
            bounds::URL,
            bounds::ROLE_ARN,
            bounds::SECRET_KEY,
            bounds::OFFSET,
        ] {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn wildcards_stop_at_a_dot() {
        assert!(host_matches("a.example.com", "*.example.com"));
        assert!(host_matches("a.b.example.com", "*.example.com"));
        assert!(!host_matches("example.com", "*.example.com"));
        assert!(!host_matches(".example.com", "*.example.com"));
        assert!(!host_matches("evilexample.com", "*.example.com"));
        assert!(!host_matches("a.example.com.evil.org", "*.example.com"));
        assert!(host_matches("127.0.0.1", "127.0.0.1"));
        assert!(!host_matches("a.example.org", "example.org"));
    }

    #[test]
    fn urls_hide_no_other_host() {
        let url = Regex::new(bounds::URL).unwrap();
        for good in [
            "https://a.example.com",
            "http://127.0.0.1:8080/x?y=z",
            "https://A.example.com/",
        ] {
            assert!(url.is_match(good), "{good}");
        }
        for bad in [
            "https://user@evil.org/",
            "https://a.example.com\\@evil.org/",
            "https://a.example.com#@evil.org",
            "https://a.example.com?@evil.org",
            "ftp://a.example.com/",
            "https://a.example.com/ x",
            "//a.example.com/",
        ] {
            assert!(!url.is_match(bad), "{bad}");
        }
    }
}
