//! What the CRDs of a cluster lack of ours: fields that the API server would drop without a word, and values that it would
//! refuse.

use crate::crds::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool,
};

/// The command that brings the CRDs of this version.
pub const APPLY_CRDS: &str = "breakwater crds | kubectl apply --server-side -f -";

/// What an installed CRD lacks of ours of the same name, as paths: `storefronts .status.journal.epoch`. Empty where it
/// lacks nothing, and for a CRD that is none of ours. One that is newer may have more.
#[must_use]
pub fn lacking(installed: &CustomResourceDefinition) -> Vec<String> {
    let wanted = crds();
    let Some(ours) = wanted.iter().find(|ours| ours.metadata.name == installed.metadata.name) else {
        return Vec::new();
    };
    let kind = &ours.spec.names.plural;
    let mut lacks = Vec::new();
    for version in &ours.spec.versions {
        let there = installed.spec.versions.iter().find(|there| there.name == version.name);
        match there.filter(|there| there.served) {
            None => lacks.push(format!("{kind} version {}", version.name)),
            Some(there) => compare_versions(version, there, &mut |what| lacks.push(format!("{kind} {what}"))),
        }
    }
    lacks
}

fn compare_versions(
    ours: &CustomResourceDefinitionVersion,
    there: &CustomResourceDefinitionVersion,
    lacks: &mut impl FnMut(String),
) {
    for field in ours.selectable_fields.iter().flatten() {
        let mut known = there.selectable_fields.iter().flatten();
        if !known.any(|known| known.json_path == field.json_path) {
            lacks(format!("selectable field {}", field.json_path));
        }
    }
    let schema = |version: &CustomResourceDefinitionVersion| {
        let validation = version.schema.clone()?;
        validation.open_api_v3_schema
    };
    if let Some(ours) = schema(ours) {
        compare("", &ours, schema(there).as_ref(), lacks);
    }
}

/// The outermost of what is missing is named, not everything below it.
fn compare(path: &str, ours: &JSONSchemaProps, there: Option<&JSONSchemaProps>, lacks: &mut impl FnMut(String)) {
    let Some(there) = there else {
        return lacks(path.to_owned());
    };
    // Such a schema drops nothing below it.
    if there.x_kubernetes_preserve_unknown_fields == Some(true) {
        return;
    }
    for value in ours.enum_.iter().flatten() {
        if there.enum_.as_ref().is_some_and(|known| !known.contains(value)) {
            lacks(format!("{path}: the value {}", value.0));
        }
    }
    for (name, field) in ours.properties.iter().flatten() {
        let known = there.properties.as_ref().and_then(|known| known.get(name));
        compare(&format!("{path}.{name}"), field, known, lacks);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &ours.items {
        let known = match &there.items {
            Some(JSONSchemaPropsOrArray::Schema(known)) => Some(&**known),
            Some(JSONSchemaPropsOrArray::Schemas(_)) | None => None,
        };
        compare(&format!("{path}[]"), item, known, lacks);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &ours.additional_properties {
        match &there.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(known)) => compare(&format!("{path}.*"), value, Some(known), lacks),
            Some(JSONSchemaPropsOrBool::Bool(true)) => {}
            Some(JSONSchemaPropsOrBool::Bool(false)) | None => lacks(format!("{path}.*")),
        }
    }
}
