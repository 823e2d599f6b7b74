//! The control API of the holding proxy before the API server.

use crate::Trouble;
use serde_json::{Value, json};
use std::time::Duration;

/// A client of the holding proxy.
#[derive(Clone)]
pub struct Proxy {
    control: String,
    http: reqwest::Client,
}

impl Proxy {
    /// A client for the control API at this address.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn at(control: &str) -> Result<Proxy, Trouble> {
        Ok(Proxy {
            control: control.trim_end_matches('/').to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        let request = self.http.post(format!("{}/{path}", self.control)).json(body);
        let answer = request.timeout(Duration::from_secs(60)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    async fn get(&self, path: &str) -> Result<Value, Trouble> {
        let request = self.http.get(format!("{}/{path}", self.control));
        let answer = request.timeout(Duration::from_secs(90)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Holds the next request that matches; its id.
    ///
    /// # Errors
    /// When the proxy refuses the rule.
    pub async fn hold(&self, rule: Value) -> Result<u64, Trouble> {
        let hold = self.post("holds", &rule).await?;
        hold["id"]
            .as_u64()
            .ok_or_else(|| Trouble::Broken(format!("a hold without an id: {hold}")))
    }

    /// Waits until the hold has caught a request; whether it has.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn caught(&self, hold: u64, at_most: Duration) -> Result<bool, Trouble> {
        let view = self.get(&format!("holds/{hold}?wait={}s", at_most.as_secs())).await?;
        Ok(view["state"] == "caught")
    }

    /// Lets a held request go its way.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn release(&self, hold: u64) -> Result<(), Trouble> {
        self.post(&format!("holds/{hold}/release"), &json!({"then": "deliver"}))
            .await
            .map(|_| ())
    }
}
