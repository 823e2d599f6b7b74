//! Signature version 4, checked as AWS documents it ("Create a signed AWS API request").

use axum::{
    body::Bytes,
    http::{HeaderMap, request::Parts},
};
use hmac::{Hmac, Mac};
use jiff::civil::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::Refusal;
use crate::params::pairs;

/// How far a signature's time may be from ours: AWS documents five minutes for the services here.
const SKEW_MICROS: i64 = 5 * 60 * 1_000_000;

/// Everything but RFC 3986's unreserved characters.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a path, whose slashes stay.
const PATH: &AsciiSet = &STRICT.remove(b'/');

/// The `Authorization` header of a signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Access key id.
    pub access_key: String,
    /// `YYYYMMDD` of the credential scope.
    pub date: String,
    /// Region of the credential scope.
    pub region: String,
    /// Service of the credential scope: `rds`, `sts`, `route53`, `monitoring`.
    pub service: String,
    headers: Vec<String>,
    signature: String,
}

fn incomplete(what: &str) -> Refusal {
    Refusal::new(
        400,
        "IncompleteSignature",
        format!("Authorization header requires {what}"),
    )
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl Signed {
    /// Reads the header; unsigned requests are refused.
    pub fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(value) = header(headers, "authorization") else {
            return Err(Refusal::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ));
        };
        let Some(rest) = value.strip_prefix("AWS4-HMAC-SHA256") else {
            return Err(incomplete("the algorithm AWS4-HMAC-SHA256"));
        };
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for part in rest.split(',') {
            match part.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => signed = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                Some(_) | None => {}
            }
        }
        let scope: Vec<&str> = credential
            .ok_or_else(|| incomplete("'Credential' parameter."))?
            .split('/')
            .collect();
        let [access_key, date, region, service, "aws4_request"] = scope[..] else {
            return Err(incomplete(
                "a credential of the form AKID/date/region/service/aws4_request",
            ));
        };
        Ok(Self {
            access_key: access_key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            headers: signed
                .ok_or_else(|| incomplete("'SignedHeaders' parameter."))?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: signature
                .ok_or_else(|| incomplete("'Signature' parameter."))?
                .to_owned(),
        })
    }

    /// Checks the signature of a request whose secret is known, and that it was made just now
    /// (`now` in microseconds since the Unix epoch; real time, always).
    pub fn verify(&self, secret: &str, parts: &Parts, body: &Bytes, now: i64) -> Result<(), Refusal> {
        let stamp = header(&parts.headers, "x-amz-date")
            .ok_or_else(|| incomplete("existence of either a 'X-Amz-Date' or a 'Date' header."))?;
        self.check_time(stamp, now)?;
        self.check_headers(&parts.headers)?;
        let canonical = self.canonical_request(parts, &payload_hash(&parts.headers, body)?)?;
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256(canonical.as_bytes()));

        let mut key = mac(format!("AWS4{secret}").as_bytes(), self.date.as_bytes());
        for part in [&self.region, &self.service, "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        let claimed = hex::decode(&self.signature).unwrap_or_default();
        keyed(&key, to_sign.as_bytes()).verify_slice(&claimed).map_err(|_| {
            Refusal::mismatch(
                "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method. Consult the service documentation for details.",
            )
        })
    }

    fn check_time(&self, stamp: &str, now: i64) -> Result<(), Refusal> {
        let Ok(civil) = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp) else {
            return Err(incomplete(&format!(
                "a date in ISO-8601 'basic format'. Got '{stamp}'."
            )));
        };
        // UTC has no gaps, and the format has four digits for the year: this conversion holds.
        let signed = civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .map_or(0, |zoned| zoned.timestamp().as_microsecond());
        if stamp.get(..8) != Some(self.date.as_str()) {
            return Err(Refusal::mismatch(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{stamp}'.",
                self.date,
                stamp.get(..8).unwrap_or_default()
            )));
        }
        if now - signed > SKEW_MICROS {
            return Err(Refusal::mismatch(format!(
                "Signature expired: {stamp} is now earlier than our time - 5 min."
            )));
        }
        if signed - now > SKEW_MICROS {
            return Err(Refusal::mismatch(format!(
                "Signature not yet current: {stamp} is still later than our time + 5 min."
            )));
        }
        Ok(())
    }

    /// The headers that say what is asked of whom have to be under the signature.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut must = vec!["host", "x-amz-date"];
        must.extend(
            ["x-amz-security-token", "x-amz-content-sha256"]
                .into_iter()
                .filter(|name| headers.contains_key(*name)),
        );
        match must
            .iter()
            .find(|name| !self.headers.iter().any(|signed| signed == *name))
        {
            Some(name) => Err(Refusal::mismatch(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            ))),
            None => Ok(()),
        }
    }

    fn canonical_request(&self, parts: &Parts, payload: &str) -> Result<String, Refusal> {
        let path = utf8_percent_encode(&normal_path(parts.uri.path()), PATH).to_string();
        let mut query: Vec<(String, String)> = pairs(parts.uri.query().unwrap_or_default())
            .into_iter()
            .map(|(name, value)| (strict(&name), strict(&value)))
            .collect();
        query.sort();
        let query: Vec<String> = query
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut headers = String::new();
        for name in &self.headers {
            let values: Option<Vec<String>> = parts
                .headers
                .get_all(name.as_str())
                .iter()
                .map(|value| value.to_str().ok().map(squeeze))
                .collect();
            match values {
                Some(values) if !values.is_empty() => headers.push_str(&format!("{name}:{}\n", values.join(","))),
                Some(_) | None => {
                    return Err(Refusal::mismatch(format!(
                        "The signed header '{name}' is not in the request."
                    )));
                }
            }
        }
        Ok(format!(
            "{}\n{path}\n{}\n{headers}\n{}\n{payload}",
            parts.method,
            query.join("&"),
            self.headers.join(";")
        ))
    }
}

fn strict(text: &str) -> String {
    utf8_percent_encode(text, STRICT).to_string()
}

/// Trims a header's value and folds its runs of spaces.
fn squeeze(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Removes dot segments and empty segments (RFC 3986, 5.2.4), as every service but S3 does.
fn normal_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let directory = path.ends_with('/') && !kept.is_empty();
    format!("/{}{}", kept.join("/"), if directory { "/" } else { "" })
}

/// The hash of the body; a header that claims another one, or none, is refused.
fn payload_hash(headers: &HeaderMap, body: &Bytes) -> Result<String, Refusal> {
    let hash = sha256(body);
    match header(headers, "x-amz-content-sha256") {
        Some(claimed) if claimed != hash => Err(Refusal::mismatch(
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )),
        Some(_) | None => Ok(hash),
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn keyed(key: &[u8], data: &[u8]) -> Hmac<Sha256> {
    #[allow(clippy::expect_used)] // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    keyed(key, data).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    // The worked example of the AWS documentation ("Signature Version 4 signing process": IAM
    // ListUsers, 2015-08-30).
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const SIGNATURE: &str = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    /// 2015-08-30T12:36:00Z
    const THEN: i64 = 1_440_938_160_000_000;

    fn request(query: &str) -> Parts {
        Request::builder()
            .method("GET")
            .uri(format!("/?{query}"))
            .header("host", "iam.amazonaws.com")
            .header("content-type", "application/x-www-form-urlencoded;  charset=utf-8 ")
            .header("x-amz-date", "20150830T123600Z")
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date, Signature={SIGNATURE}"
                ),
            )
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn verdict(parts: &Parts, body: &'static [u8], secret: &str, now: i64) -> Result<(), &'static str> {
        Signed::read(&parts.headers)
            .unwrap()
            .verify(secret, parts, &Bytes::from_static(body), now)
            .map_err(|r| r.code)
    }

    #[test]
    fn accepts_the_documented_example() {
        assert_eq!(
            verdict(&request("Version=2010-05-08&Action=ListUsers"), b"", SECRET, THEN),
            Ok(())
        );
        assert_eq!(
            verdict(
                &request("Action=ListUsers&Version=2010-05-08"),
                b"",
                SECRET,
                THEN + SKEW_MICROS
            ),
            Ok(())
        );
    }

    #[test]
    fn refuses_what_was_changed() {
        let parts = request("Action=ListUsers&Version=2010-05-08");
        let mismatch = Err("SignatureDoesNotMatch");
        assert_eq!(verdict(&parts, b"", "another secret", THEN), mismatch);
        assert_eq!(verdict(&parts, b"a body", SECRET, THEN), mismatch);
        assert_eq!(verdict(&parts, b"", SECRET, THEN + SKEW_MICROS + 1), mismatch);
        assert_eq!(verdict(&parts, b"", SECRET, THEN - SKEW_MICROS - 1), mismatch);
        assert_eq!(
            verdict(&request("Action=ListRoles&Version=2010-05-08"), b"", SECRET, THEN),
            mismatch
        );
    }

    #[test]
    fn refuses_headers_outside_the_signature() {
        let mut parts = request("Action=ListUsers&Version=2010-05-08");
        parts.headers.insert("x-amz-security-token", "x".parse().unwrap());
        assert_eq!(verdict(&parts, b"", SECRET, THEN), Err("SignatureDoesNotMatch"));
    }

    #[test]
    fn normalises_paths_and_headers() {
        assert_eq!(normal_path(""), "/");
        assert_eq!(normal_path("/a//./b/../c/"), "/a/c/");
        assert_eq!(squeeze("  a   b "), "a b");
        assert_eq!(
            Signed::read(&HeaderMap::new()).unwrap_err().code,
            "MissingAuthenticationToken"
        );
    }
}
