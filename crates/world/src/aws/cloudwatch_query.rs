//! `GetMetricData` in CloudWatch's older query protocol, version 2010-08-01.

use axum::{
    body::{Body, Bytes},
    http::{Response, request::Parts},
};
use breakwater_sim::{MetricResult, Millis};
use jiff::Timestamp;

use super::{
    Refusal,
    cloudwatch::{Query, Wanted},
    form_params, iso8601, respond,
};
use crate::{params::Params, reply::request_id, xml::Xml};

const VERSION: &str = "2010-08-01";
const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";

pub(super) fn read(parts: &Parts, body: &Bytes) -> Result<Wanted, Refusal> {
    let params = form_params(parts, body, VERSION)?;
    match params.get("Action") {
        Some("GetMetricData") => {}
        Some(other) => return Err(Refusal::no_such_action(other, VERSION)),
        None => return Err(Refusal::missing("Action")),
    }
    Ok(Wanted {
        queries: params
            .members("MetricDataQueries")
            .iter()
            .map(|member| query(&params, member))
            .collect(),
        start: time(&params, "StartTime")?,
        end: time(&params, "EndTime")?,
        scan_by: params.owned("ScanBy"),
    })
}

fn time(params: &Params, name: &str) -> Result<Option<Millis>, Refusal> {
    params
        .get(name)
        .map(|text| {
            let time: Result<Timestamp, _> = text.parse();
            time.map(|time| time.as_millisecond()).map_err(|_| {
                Refusal::invalid(format!(
                    "The value {text} for parameter {name} is invalid. Must be a valid ISO 8601 date."
                ))
            })
        })
        .transpose()
}

fn query(params: &Params, member: &str) -> Query {
    let get = |name: &str| params.owned(&format!("{member}.{name}"));
    Query {
        id: get("Id"),
        expression: get("Expression").is_some(),
        namespace: get("MetricStat.Metric.Namespace"),
        metric: get("MetricStat.Metric.MetricName"),
        dimensions: params
            .members(&format!("{member}.MetricStat.Metric.Dimensions"))
            .iter()
            .map(|one| {
                let get = |name: &str| params.owned(&format!("{one}.{name}")).unwrap_or_default();
                (get("Name"), get("Value"))
            })
            .collect(),
        period: get("MetricStat.Period").and_then(|period| period.parse().ok()),
        stat: get("MetricStat.Stat"),
    }
}

pub(super) fn write(results: &[MetricResult], label: impl Fn(&str) -> String) -> Response<Body> {
    let id = request_id();
    let document = Xml::document("GetMetricDataResponse", NAMESPACE, |xml| {
        xml.node("GetMetricDataResult", |xml| {
            xml.node("MetricDataResults", |xml| {
                for result in results {
                    xml.node("member", |xml| member(xml, result, &label(&result.id)));
                }
            });
            xml.node("Messages", |_| {});
        });
        xml.node("ResponseMetadata", |xml| xml.text("RequestId", &id));
    });
    respond(200, "text/xml", &id, document)
}

fn member(xml: &mut Xml, result: &MetricResult, label: &str) {
    xml.text("Id", &result.id);
    xml.text("Label", label);
    xml.text("StatusCode", "Complete");
    xml.node("Timestamps", |xml| {
        for (at, _) in &result.samples {
            xml.text("member", iso8601(*at));
        }
    });
    xml.node("Values", |xml| {
        for (_, value) in &result.samples {
            xml.text("member", value.to_string());
        }
    });
}
