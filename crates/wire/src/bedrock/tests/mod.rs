//! Bedrock's dialect against examples as its documentation has them.
//!
//! They are made up, in the form that the service gives and takes.

mod reading;
mod writing;

use super::path;

#[test]
fn an_id_stands_in_the_path_as_one_segment() {
    let model = "anthropic.claude-3-5-sonnet-20241022-v2:0";
    assert_eq!(
        path(model, false),
        "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse"
    );
    let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0";
    assert_eq!(
        path(arn, true),
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0/converse-stream"
    );
    // Nothing of a name leaves its segment.
    assert_eq!(
        path("../a?b#c d%", false),
        "/model/..%2Fa%3Fb%23c%20d%25/converse"
    );
}
