//! The endpoints that we use, in the terms of the `cloudflare` crate's framework.
//!
//! Its own load-balancer types fail on real answers (hostname origins, newer steering policies, missing session
//! attributes), so an answer stays JSON until [`super::views`] takes from it what we decide on.

use breakwater_core::Text;
use breakwater_core::decision::BalancerPatch;
use breakwater_core::journal::SteeringMap;
use cloudflare::framework::endpoint::spec::EndpointSpec;
use cloudflare::framework::endpoint::{Method, RequestBody};
use serde_json::{Map, json};

/// `GET /accounts/{account}/load_balancers/pools`.
pub(super) struct ListPools {
    pub(super) account: Text,
}

/// `GET /accounts/{account}/load_balancers/pools/{pool}`.
pub(super) struct GetPool {
    pub(super) account: Text,
    pub(super) pool: Text,
}

/// `GET /accounts/{account}/load_balancers/pools/{pool}/health`.
pub(super) struct PoolHealth {
    pub(super) account: Text,
    pub(super) pool: Text,
}

/// `GET /accounts/{account}/load_balancers/monitors/{monitor}`.
pub(super) struct GetMonitor {
    pub(super) account: Text,
    pub(super) monitor: Text,
}

/// `GET /zones/{zone}/load_balancers/{id}`.
pub(super) struct GetBalancer {
    pub(super) zone: Text,
    pub(super) id: Text,
}

/// `PATCH /zones/{zone}/load_balancers/{id}`.
pub(super) struct PatchBalancer {
    pub(super) zone: Text,
    pub(super) id: Text,
    pub(super) patch: BalancerPatch,
}

/// An endpoint whose path holds ids that come from a spec.
pub(super) trait Addressed: EndpointSpec + Sync {
    /// These ids.
    fn ids(&self) -> Vec<&Text>;
}

macro_rules! endpoint {
    ($name:ident [$($id:ident),+], $method:expr, $this:ident => $path:expr $(, $body:expr)?) => {
        impl Addressed for $name {
            fn ids(&self) -> Vec<&Text> {
                vec![$(&self.$id),+]
            }
        }

        impl EndpointSpec for $name {
            const IS_RAW_BODY: bool = true;
            type JsonResponse = ();
            type ResponseType = Vec<u8>;

            fn method(&self) -> Method {
                $method
            }

            fn path(&self) -> String {
                let $this = self;
                $path
            }

            $(fn body(&self) -> Option<RequestBody<'_>> {
                let $this = self;
                Some(RequestBody::Json($body))
            })?
        }
    };
}

endpoint!(ListPools [account], Method::GET, this => format!("accounts/{}/load_balancers/pools", this.account));
endpoint!(GetPool [account, pool], Method::GET, this => format!("accounts/{}/load_balancers/pools/{}", this.account, this.pool));
endpoint!(PoolHealth [account, pool], Method::GET, this => {
    format!("accounts/{}/load_balancers/pools/{}/health", this.account, this.pool)
});
endpoint!(GetMonitor [account, monitor], Method::GET, this => {
    format!("accounts/{}/load_balancers/monitors/{}", this.account, this.monitor)
});
endpoint!(GetBalancer [zone, id], Method::GET, this => format!("zones/{}/load_balancers/{}", this.zone, this.id));
endpoint!(
    PatchBalancer [zone, id],
    Method::PATCH,
    this => format!("zones/{}/load_balancers/{}", this.zone, this.id),
    patch_body(&this.patch)
);

/// Only the given fields; a map is sent whole, an empty one too, else the old one would stay.
fn patch_body(patch: &BalancerPatch) -> String {
    let mut body = Map::new();
    if let Some(pools) = &patch.default_pools {
        body.insert("default_pools".into(), strings(pools));
    }
    if let Some(pool) = &patch.fallback_pool {
        body.insert("fallback_pool".into(), json!(&**pool));
    }
    for (map, places) in &patch.maps {
        let field = match map {
            SteeringMap::Region => "region_pools",
            SteeringMap::Country => "country_pools",
            SteeringMap::Pop => "pop_pools",
        };
        let places: Map<String, serde_json::Value> = places
            .iter()
            .map(|(place, pools)| (place.to_string(), strings(pools)))
            .collect();
        body.insert(field.into(), places.into());
    }
    serde_json::Value::Object(body).to_string()
}

fn strings(texts: &[Text]) -> serde_json::Value {
    texts.iter().map(|text| json!(&**text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_patch_holds_only_the_given_fields_and_maps_whole() {
        let mut patch = BalancerPatch {
            fallback_pool: Some("b".into()),
            ..BalancerPatch::default()
        };
        patch.maps.insert(
            SteeringMap::Region,
            BTreeMap::from([("WEU".into(), vec!["b".into(), "c".into()])]),
        );
        patch.maps.insert(SteeringMap::Pop, BTreeMap::new());
        let sent: serde_json::Value = serde_json::from_str(&patch_body(&patch)).unwrap();
        assert_eq!(
            sent,
            json!({"fallback_pool": "b", "region_pools": {"WEU": ["b", "c"]}, "pop_pools": {}})
        );
        let all = BalancerPatch {
            default_pools: Some(vec!["x".into()]),
            ..BalancerPatch::default()
        };
        assert_eq!(patch_body(&all), r#"{"default_pools":["x"]}"#);
    }
}
