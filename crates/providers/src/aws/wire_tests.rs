use super::*;
use crate::fault::Fault;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_rds::operation::describe_db_instances::DescribeDBInstancesError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use breakwater_core::outcome::{Ambiguity, Outcome};
use breakwater_core::reading::TroubleKind;

fn answer(status: u16, body: &str) -> Fault {
    let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    Wire::asking(Cause(1)).of_answer(&response, body.as_bytes(), None, None)
}

/// A proxy's page, or nothing at all, in place of an AWS error.
#[test]
fn a_page_is_neither_a_denial_nor_an_absence() {
    let page = answer(403, "<html>some text<br>text</html>");
    assert!(matches!(&page, Fault::Foreign(_)), "{page:?}");
    assert_eq!(page.trouble().kind, TroubleKind::NotTheProvider);
    assert_eq!(page.outcome(), Outcome::Ambiguous(Ambiguity::NotTheProvider));
    assert!(matches!(
        answer(404, "<html><Code>DBInstanceNotFound</Code></html>"),
        Fault::Foreign(_)
    ));
    assert!(matches!(answer(503, ""), Fault::Server(text) if text.contains("empty")));
    assert!(matches!(answer(400, ""), Fault::Foreign(_)));
}

/// A root that is in no schema.
#[test]
fn service_unavailable_in_any_form_is_a_server_error() {
    let fault = answer(503, include_str!("../../tests/inputs/rds-503-foreign-root.xml"));
    assert_eq!(fault.trouble().kind, TroubleKind::ServerError);
    assert_eq!(fault.outcome(), Outcome::Ambiguous(Ambiguity::ServerError));
}

/// Route 53 throttles with 400.
#[test]
fn throttling_is_told_by_its_code() {
    for body in [
        include_str!("../../tests/inputs/r53-throttling-400.xml"),
        include_str!("../../tests/inputs/r53-prior-request-400.xml"),
    ] {
        let fault = answer(400, body);
        assert_eq!(fault.outcome(), Outcome::Throttled(None), "{fault:?}");
        assert_eq!(fault.trouble().kind, TroubleKind::Throttled);
    }
}

/// A wrong clock shows up as a bad signature.
#[test]
fn a_wrong_clock_is_named_with_its_skew() {
    let fault = answer(403, include_str!("../../tests/inputs/rds-signature-expired-403.xml"));
    assert_eq!(fault.trouble().kind, TroubleKind::Clock);
    assert!(fault.trouble().text.contains("our clock is 1560 s behind"), "{fault:?}");
    let early = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature not yet current: \
                 20261124T102000Z is still later than 20261124T101500Z (20261124T101000Z + 5 min.)</Message></Error></ErrorResponse>";
    assert!(answer(403, early).trouble().text.contains("our clock is 600 s ahead"));
    let wrong = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we \
                 calculated does not match</Message></Error></ErrorResponse>";
    assert_eq!(answer(403, wrong).trouble().kind, TroubleKind::Denied);
}

/// The batch's own root; a refusal that will end by itself.
#[test]
fn refusals_keep_code_and_words() {
    let Outcome::Refused(batch) = answer(400, include_str!("../../tests/inputs/r53-txt-unquoted-400.xml")).outcome()
    else {
        panic!("not refused")
    };
    assert_eq!(&*batch.code, "InvalidChangeBatch");
    assert!(
        batch.text.contains("Value should be enclosed in quotation marks"),
        "{}",
        batch.text
    );
    let Outcome::Refused(stop) = answer(400, include_str!("../../tests/inputs/rds-stop-refused-400.xml")).outcome()
    else {
        panic!("not refused")
    };
    assert_eq!(&*stop.code, "InvalidDBInstanceState");
    assert_eq!(
        &*stop.text,
        "Cannot stop or start a DB instance that is the source of a read replica"
    );
}

/// A provider may answer a megabyte.
#[test]
fn a_long_error_is_bounded() {
    let body = format!(
        "<ErrorResponse><Error><Code>X</Code><Message>\u{1b}[31m{}</Message></Error></ErrorResponse>",
        "long ".repeat(200_000)
    );
    let Outcome::Refused(refusal) = answer(400, &body).outcome() else {
        panic!("not refused")
    };
    assert!(refusal.text.chars().count() <= 256 && !refusal.text.contains('\u{1b}'));
}

/// No credential source.
#[test]
fn a_missing_identity_is_ours_and_says_so() {
    let none = CredentialsError::not_loaded("no providers in chain provided credentials");
    let error: SdkError<DescribeDBInstancesError, HttpResponse> =
        SdkError::dispatch_failure(ConnectorError::other(Box::new(none), None));
    let fault = Wire::own().fault(&error);
    assert!(
        matches!(&fault, Fault::Ours(text) if text.starts_with(NO_IDENTITY)),
        "{fault:?}"
    );
    assert_eq!(fault.trouble().kind, TroubleKind::Ours);
}

#[test]
fn no_answer_is_told_from_a_cut_one() {
    let timed_out = || SdkError::<DescribeDBInstancesError, HttpResponse>::timeout_error("late");
    let wire = Wire::own();
    assert!(wire.fault(&timed_out()).no_byte());
    wire.answered.store(true, Ordering::Relaxed);
    assert!(!wire.fault(&timed_out()).no_byte());
}

#[test]
fn roots() {
    assert_eq!(root(b"<?xml version=\"1.0\"?>\n<!-- x --><ns:A b='c'>"), Some("A"));
    assert_eq!(root(b"<!DOCTYPE html>\n<html lang=\"en\">"), Some("html"));
    assert_eq!(root(b"<Empty/>"), Some("Empty"));
    assert_eq!(root(b"{\"a\": 1}"), None);
    assert_eq!(root(b"<"), None);
    assert_eq!(root(&[0xbf, 0xff]), None);
}

/// Half an answer of STS is as secret as a whole one.
#[test]
fn nothing_of_an_answer_that_may_hold_keys_is_repeated() {
    let body = "<AssumeRoleResponse><AssumeRoleResult><Credentials><SecretAccessKey>session-secret";
    for status in [200, 302, 403, 500] {
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        let fault = Wire::of_keys().of_answer(&response, body.as_bytes(), None, None);
        assert!(!format!("{fault:?}").contains("session-secret"), "{fault:?}");
    }
}
