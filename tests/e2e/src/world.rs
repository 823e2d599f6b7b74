//! The world's control API.

use crate::Trouble;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How to reach a world; its own state file.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorldFile {
    /// `http://127.0.0.1:<port>`.
    pub base_url: String,
    /// Cloudflare's API.
    pub cloudflare_url: String,
    /// The control API.
    pub control_url: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// Cloudflare's token.
    pub cloudflare_token: String,
    /// Where scaled time begins, microseconds since the Unix epoch.
    pub scale_start: i64,
    /// How fast it runs.
    pub time_scale: u32,
}

/// A client of the control API.
#[derive(Clone)]
pub struct World {
    /// How to reach it.
    pub file: WorldFile,
    http: reqwest::Client,
}

impl World {
    /// A client for the world that wrote this file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn at(path: &Path) -> Result<World, Trouble> {
        let trouble = |source| Trouble::File {
            path: path.display().to_string(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(trouble)?;
        let file = serde_json::from_str(&text).map_err(|error| trouble(error.into()))?;
        Ok(World {
            file,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    async fn get(&self, path: &str) -> Result<Value, Trouble> {
        let url = format!("{}/{path}", self.file.control_url);
        Ok(self
            .http
            .get(url)
            .timeout(Duration::from_secs(60))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        let url = format!("{}/{path}", self.file.control_url);
        Ok(self
            .http
            .post(url)
            .json(body)
            .timeout(Duration::from_secs(60))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?)
    }

    /// Injects a fault; its id.
    ///
    /// # Errors
    /// When the world refuses it.
    pub async fn inject(&self, fault: Value) -> Result<Value, Trouble> {
        self.post("faults", &fault).await
    }

    /// Ends all faults.
    ///
    /// # Errors
    /// When the world does not answer.
    pub async fn clear_all(&self) -> Result<(), Trouble> {
        let url = format!("{}/faults", self.file.control_url);
        self.http.delete(url).send().await?.error_for_status()?;
        Ok(())
    }

    /// What there is to see now.
    ///
    /// # Errors
    /// When the world does not answer.
    pub async fn glance(&self) -> Result<Value, Trouble> {
        self.get("glance").await
    }

    /// The whole ledger.
    ///
    /// # Errors
    /// When the world does not answer.
    pub async fn ledger(&self) -> Result<Value, Trouble> {
        self.get("ledger").await
    }

    /// Asks the world as a person at a console would; its own document of the answer.
    ///
    /// # Errors
    /// When the world does not answer.
    pub async fn ask(&self, request: Value) -> Result<Value, Trouble> {
        self.post("ask", &serde_json::json!({"request": request})).await
    }

    /// Holds the next matching request; its id.
    ///
    /// # Errors
    /// When the world refuses it.
    pub async fn hold(&self, rule: Value) -> Result<u64, Trouble> {
        let hold = self.post("holds", &rule).await?;
        hold["id"]
            .as_u64()
            .or(hold.as_u64())
            .ok_or_else(|| Trouble::Broken(format!("a hold without an id: {hold}")))
    }

    /// Waits until the hold has caught a request; whether it has.
    ///
    /// # Errors
    /// When the world does not answer.
    pub async fn caught(&self, hold: u64, at_most: Duration) -> Result<bool, Trouble> {
        let hold = self.get(&format!("holds/{hold}?wait={}", at_most.as_secs())).await?;
        Ok(hold["caught"].as_array().is_some_and(|caught| !caught.is_empty()))
    }

    /// Lets a held request go.
    ///
    /// # Errors
    /// When the world does not answer.
    pub async fn release(&self, hold: u64) -> Result<(), Trouble> {
        self.post(
            &format!("holds/{hold}/release"),
            &serde_json::json!({"then": "deliver"}),
        )
        .await
        .map(|_| ())
    }
}
