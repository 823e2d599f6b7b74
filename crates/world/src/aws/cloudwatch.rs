//! Amazon CloudWatch in the three protocols that it is spoken in today: Smithy RPC v2 with CBOR
//! (aws-sdk-cloudwatch), AWS JSON 1.0 (boto3), and the older query protocol.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Method, Response, request::Parts},
};
use breakwater_sim::{Answer, CloudWatchOp, MetricQuery, MetricResult, Millis, Request};
use ciborium::Value;

use super::{Form, Refusal, access::Caller, cloudwatch_query, respond, unexpected};
use crate::reply::request_id;

const OPERATION: &str = "/service/GraniteServiceVersion20100801/operation/";
const TARGET: &str = "GraniteServiceVersion20100801.";
/// Where AWS JSON names the operation.
pub const TARGET_HEADER: &str = "x-amz-target";
/// Queries in one request (CloudWatch docs: GetMetricData).
const QUERIES: usize = 500;
/// CBOR's tag for seconds since the Unix epoch (RFC 8949, 3.4.2).
const EPOCH_TAG: u64 = 1;

/// One call of CloudWatch.
#[derive(Debug)]
pub struct Call {
    /// How it is answered.
    pub form: Form,
    /// What is asked of the simulated world.
    pub request: Request,
    /// Whether samples are wanted oldest first.
    ascending: bool,
    labels: Vec<(String, String)>,
}

/// `GetMetricData` as both protocols carry it.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub queries: Vec<Query>,
    pub start: Option<Millis>,
    pub end: Option<Millis>,
    pub scan_by: Option<String>,
}

/// One query of it, as far as it was given.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub id: Option<String>,
    pub expression: bool,
    pub namespace: Option<String>,
    pub metric: Option<String>,
    pub dimensions: Vec<(String, String)>,
    pub period: Option<i32>,
    pub stat: Option<String>,
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

/// Reads a call.
pub fn decode(caller: &Caller, form: Form, parts: &Parts, body: &Bytes) -> Result<Call, Refusal> {
    let wanted = match form {
        Form::Cbor => {
            let operation = parts.uri.path().strip_prefix(OPERATION).unwrap_or_default();
            get_metric_data_only(parts, operation)?;
            if parts
                .headers
                .get("smithy-protocol")
                .is_none_or(|value| value != "rpc-v2-cbor")
            {
                return Err(validation("The header smithy-protocol must be rpc-v2-cbor."));
            }
            let document = ciborium::from_reader(body.as_ref()).map_err(|error| unreadable(&error))?;
            read(&document)
        }
        Form::Json => {
            let target = parts.headers.get(TARGET_HEADER).and_then(|value| value.to_str().ok());
            get_metric_data_only(
                parts,
                target
                    .and_then(|target| target.strip_prefix(TARGET))
                    .unwrap_or_default(),
            )?;
            let document: serde_json::Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
            read(&Value::serialized(&document).map_err(|error| unreadable(&error))?)
        }
        Form::Xml { .. } => cloudwatch_query::read(parts, body)?,
    };
    caller.needs_role("cloudwatch:GetMetricData")?;
    let ascending = wanted.scan_by.as_deref() == Some("TimestampAscending");
    let op = operation(wanted)?;
    let CloudWatchOp::GetMetricData { queries, .. } = &op;
    let labels = queries
        .iter()
        .map(|query| (query.id.clone(), query.metric.clone()))
        .collect();
    Ok(Call {
        form,
        request: Request::CloudWatch {
            region: caller.region.clone(),
            op,
        },
        ascending,
        labels,
    })
}

fn get_metric_data_only(parts: &Parts, operation: &str) -> Result<(), Refusal> {
    if operation == "GetMetricData" && parts.method == Method::POST {
        return Ok(());
    }
    Err(Refusal::no_such_action(operation, "2010-08-01"))
}

fn unreadable(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(
        400,
        "SerializationException",
        format!("The body cannot be read: {error}"),
    )
}

fn operation(wanted: Wanted) -> Result<CloudWatchOp, Refusal> {
    let start = wanted.start.ok_or_else(|| Refusal::missing("StartTime"))?;
    let end = wanted.end.ok_or_else(|| Refusal::missing("EndTime"))?;
    if start >= end {
        return Err(validation(
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    if wanted.queries.is_empty() || wanted.queries.len() > QUERIES {
        return Err(validation(format!(
            "The collection MetricDataQueries must have a size between 1 and {QUERIES}."
        )));
    }
    let queries = wanted.queries.into_iter().map(metric_query).collect::<Result<_, _>>()?;
    Ok(CloudWatchOp::GetMetricData { queries, start, end })
}

fn metric_query(query: Query) -> Result<MetricQuery, Refusal> {
    let id = query
        .id
        .ok_or_else(|| Refusal::missing("MetricDataQueries.member.N.Id"))?;
    if query.expression {
        return Err(validation(format!(
            "This world knows no expressions (query {id}); ask for a MetricStat."
        )));
    }
    if query.namespace.as_deref() != Some("AWS/RDS") {
        return Err(validation(format!(
            "This world has metrics in the namespace AWS/RDS only (query {id})."
        )));
    }
    let [(dimension, instance)] = &query.dimensions[..] else {
        return Err(validation(format!(
            "This world has metrics with one dimension only (query {id})."
        )));
    };
    if dimension != "DBInstanceIdentifier" {
        return Err(validation(format!(
            "This world has the dimension DBInstanceIdentifier only (query {id})."
        )));
    }
    Ok(MetricQuery {
        metric: query
            .metric
            .ok_or_else(|| Refusal::missing("MetricStat.Metric.MetricName"))?,
        instance: instance.clone(),
        period: query.period.ok_or_else(|| Refusal::missing("MetricStat.Period"))?,
        stat: query.stat.ok_or_else(|| Refusal::missing("MetricStat.Stat"))?,
        id,
    })
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    map.as_map()?
        .iter()
        .find(|(key, _)| key.as_text() == Some(name))
        .map(|(_, value)| value)
}

fn text(map: &Value, name: &str) -> Option<String> {
    field(map, name)?.as_text().map(str::to_owned)
}

fn list<'a>(map: &'a Value, name: &str) -> &'a [Value] {
    field(map, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A time in seconds, whole or not: CBOR puts a tag around it, JSON does not.
fn timestamp(value: &Value) -> Option<Millis> {
    let seconds = match value {
        Value::Tag(EPOCH_TAG, seconds) => seconds.as_ref(),
        bare => bare,
    };
    let seconds = match seconds {
        Value::Float(seconds) => *seconds,
        // Seconds fit into 53 bits for longer than it matters.
        Value::Integer(seconds) => i128::from(*seconds) as f64,
        _ => return None,
    };
    Some((seconds * 1000.0).round() as Millis)
}

fn read(document: &Value) -> Wanted {
    Wanted {
        queries: list(document, "MetricDataQueries").iter().map(query).collect(),
        start: field(document, "StartTime").and_then(timestamp),
        end: field(document, "EndTime").and_then(timestamp),
        scan_by: text(document, "ScanBy"),
    }
}

fn query(value: &Value) -> Query {
    let empty = Value::Map(Vec::new());
    let stat = field(value, "MetricStat").unwrap_or(&empty);
    let metric = field(stat, "Metric").unwrap_or(&empty);
    let dimension = |one: &Value| {
        (
            text(one, "Name").unwrap_or_default(),
            text(one, "Value").unwrap_or_default(),
        )
    };
    Query {
        id: text(value, "Id"),
        expression: field(value, "Expression").is_some(),
        namespace: text(metric, "Namespace"),
        metric: text(metric, "MetricName"),
        dimensions: list(metric, "Dimensions").iter().map(dimension).collect(),
        period: field(stat, "Period")
            .and_then(Value::as_integer)
            .and_then(|period| i32::try_from(period).ok()),
        stat: text(stat, "Stat"),
    }
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(
        entries
            .into_iter()
            .map(|(name, value)| (Value::from(name), value))
            .collect(),
    )
}

/// The same value for JSON. Serialized directly, a float that fits into 32 bits would be written with the digits of
/// one: 1795572480 as 1795572500.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Float(number) => serde_json::Value::from(*number),
        Value::Integer(number) => i64::try_from(*number).map_or(serde_json::Value::Null, serde_json::Value::from),
        Value::Text(text) => serde_json::Value::from(text.as_str()),
        Value::Bool(flag) => serde_json::Value::from(*flag),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, item)| (key.as_text().unwrap_or_default().to_owned(), json(item)))
            .collect(),
        Value::Tag(_, inner) => json(inner),
        // Bytes and null: none of our documents has any.
        _ => serde_json::Value::Null,
    }
}

/// A document in one of the two forms that are no XML.
fn write(form: Form, status: u16, id: &str, value: &Value) -> Response<Body> {
    let mut bytes = Vec::new();
    let (content_type, written) = match form {
        Form::Json => (
            "application/x-amz-json-1.0",
            serde_json::to_writer(&mut bytes, &json(value)).map_err(|e| e.to_string()),
        ),
        Form::Cbor | Form::Xml { .. } => (
            "application/cbor",
            ciborium::into_writer(value, &mut bytes).map_err(|e| e.to_string()),
        ),
    };
    if let Err(error) = written {
        // Writing into a `Vec` does not fail, and every value here is plain.
        tracing::error!(error, "cannot write a document");
    }
    let mut response = respond(status, content_type, id, bytes);
    if form == Form::Cbor {
        response
            .headers_mut()
            .insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}

/// An error, with the code of the older query protocol in a header (Smithy: "AWS Query-compatible").
pub(super) fn error(form: Form, status: u16, kind: &str, code: &str, message: &str, id: &str) -> Response<Body> {
    let kind_name = format!("com.amazonaws.cloudwatch#{code}");
    let document = map(vec![
        ("__type", Value::from(kind_name)),
        ("message", Value::from(message)),
    ]);
    let mut response = write(form, status, id, &document);
    if let Ok(value) = HeaderValue::from_str(&format!("{code};{kind}")) {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

impl Call {
    /// Writes the answer.
    pub fn encode(&self, answer: &Answer) -> Response<Body> {
        let Answer::MetricData(results) = answer else {
            return unexpected(self.form, answer);
        };
        let mut results = results.clone();
        if self.ascending {
            results.iter_mut().for_each(|result| result.samples.reverse());
        }
        if let Form::Xml { .. } = self.form {
            return cloudwatch_query::write(&results, |id| self.label(id).to_owned());
        }
        let results = results.iter().map(|result| self.result(result)).collect();
        let document = map(vec![
            ("MetricDataResults", Value::Array(results)),
            ("Messages", Value::Array(Vec::new())),
        ]);
        write(self.form, 200, &request_id(), &document)
    }

    fn label<'a>(&'a self, id: &'a str) -> &'a str {
        self.labels
            .iter()
            .find(|(known, _)| known == id)
            .map_or(id, |(_, metric)| metric)
    }

    fn result(&self, result: &MetricResult) -> Value {
        let stamp = |millis: Millis| {
            let seconds = Value::Float(millis as f64 / 1000.0);
            if self.form == Form::Cbor {
                Value::Tag(EPOCH_TAG, Box::new(seconds))
            } else {
                seconds
            }
        };
        let (stamps, values): (Vec<Value>, Vec<Value>) = result
            .samples
            .iter()
            .map(|(at, value)| (stamp(*at), Value::Float(*value)))
            .unzip();
        map(vec![
            ("Id", Value::from(result.id.as_str())),
            ("Label", Value::from(self.label(&result.id))),
            ("Timestamps", Value::Array(stamps)),
            ("Values", Value::Array(values)),
            ("StatusCode", Value::from("Complete")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"MetricDataQueries": [{"Id": "q0", "MetricStat": {"Metric": {"Namespace": "AWS/RDS",
        "MetricName": "ReplicaLag", "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "x"}]}, "Period": 60,
        "Stat": "Maximum"}}], "StartTime": 1767225600, "EndTime": 1767312000.5}"#;
    const FORM: &str = "Action=GetMetricData&Version=2010-08-01&MetricDataQueries.member.1.Id=q0\
        &MetricDataQueries.member.1.MetricStat.Metric.Namespace=AWS%2FRDS\
        &MetricDataQueries.member.1.MetricStat.Metric.MetricName=ReplicaLag\
        &MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name=DBInstanceIdentifier\
        &MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value=x\
        &MetricDataQueries.member.1.MetricStat.Period=60&MetricDataQueries.member.1.MetricStat.Stat=Maximum\
        &StartTime=2026-01-01T00%3A00%3A00Z&EndTime=2026-01-02T00%3A00%3A00.5Z";

    fn call(form: Form, header: (&str, &str), body: &'static str) -> Call {
        let parts = axum::http::Request::builder()
            .method("POST")
            .uri("/")
            .header(header.0, header.1);
        let parts = parts.body(()).unwrap().into_parts().0;
        let caller = Caller {
            arn: String::new(),
            session: true,
            region: "us-west-2".to_owned(),
        };
        decode(&caller, form, &parts, &Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn json_and_query_ask_the_same() {
        let json = call(
            Form::Json,
            (TARGET_HEADER, "GraniteServiceVersion20100801.GetMetricData"),
            JSON,
        );
        let form = call(
            super::super::CLOUDWATCH_QUERY,
            ("content-type", "application/x-www-form-urlencoded"),
            FORM,
        );
        assert_eq!(json.request, form.request);
        let Request::CloudWatch {
            op: CloudWatchOp::GetMetricData { queries, start, end },
            ..
        } = json.request
        else {
            panic!("{:?}", json.request);
        };
        assert_eq!((start, end), (1_767_225_600_000, 1_767_312_000_500));
        assert_eq!(
            (queries[0].metric.as_str(), queries[0].instance.as_str()),
            ("ReplicaLag", "x")
        );
    }

    #[test]
    fn json_keeps_all_digits() {
        // Both fit into 32 bits as they are, and not as their shortest text.
        let stamps = Value::Array(vec![Value::Float(1_795_572_480.0), Value::Float(16_777_217.0)]);
        assert_eq!(json(&stamps).to_string(), "[1795572480.0,16777217.0]");
    }

    #[tokio::test]
    async fn json_and_query_are_answered_in_kind() {
        let answer = Answer::MetricData(vec![MetricResult {
            id: "q0".to_owned(),
            samples: vec![(60_000, -1.0)],
        }]);
        let body = async |call: Call| {
            let bytes = axum::body::to_bytes(call.encode(&answer).into_body(), 1 << 16)
                .await
                .unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let json = call(
            Form::Json,
            (TARGET_HEADER, "GraniteServiceVersion20100801.GetMetricData"),
            JSON,
        );
        let json = body(json).await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let said = &json["MetricDataResults"][0];
        assert_eq!(
            (&said["Label"], &said["Timestamps"], &said["Values"]),
            (&"ReplicaLag".into(), &vec![60.0].into(), &vec![-1.0].into())
        );
        let form = call(
            super::super::CLOUDWATCH_QUERY,
            ("content-type", "application/x-www-form-urlencoded"),
            FORM,
        );
        let form = body(form).await;
        assert!(form.contains("<member>1970-01-01T00:01:00.000Z</member>"), "{form}");
        assert!(form.contains("<Values><member>-1</member></Values>"), "{form}");
    }
}
