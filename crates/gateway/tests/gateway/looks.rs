//! The look at each provider (R-D3): what it finds, and that it is counted.
//! A provider that hangs is a finding; a gateway that stops is none.

use std::time::Duration;

use kernel::{Clock, Deadline, Why};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Upstream};
use tidegate_types::Code;

use crate::house::{House, Plan};

const LIST: &str = r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#;

/// How many looks ended that way.
fn looks(house: &House, exit: &str) -> f64 {
    let values = ["look_at_provider", exit];
    house.samples().sum("tidegate_gather_pieces_total", &values)
}

#[tokio::test]
async fn r_d3_a_look_counts_the_models_or_says_what_is_wrong() {
    let upstream = Upstream::start().await;
    let house = House::new(Plan::default(), Some(&upstream));
    upstream.always(Script::json(200, LIST));
    let found = house.gateway.probe().await;
    assert_eq!(found.len(), 1, "nobody looks at what is built in");
    assert_eq!(&*found[0].provider, "up");
    assert_eq!(found[0].models.as_ref().ok(), Some(&Some(2)));
    assert_eq!((looks(&house, "good"), looks(&house, "failed")), (1.0, 0.0));

    upstream.always(Script::json(200, "{}"));
    let found = house.gateway.probe().await;
    let failure = found[0].models.as_ref().err();
    assert_eq!(
        failure.map(|failure| failure.code),
        Some(Code::UpstreamProtocol)
    );
    assert_eq!((looks(&house, "good"), looks(&house, "failed")), (1.0, 1.0));
}

#[tokio::test]
async fn r_d3_a_look_ends_at_once_with_its_gateway_and_blames_nobody() {
    let upstream = Upstream::start().await;
    upstream.always(Script::silent());
    let house = House::new(Plan::default(), Some(&upstream));
    let stop = async {
        upstream.request(0).await;
        house.scope.cancel(Why::Shutdown);
    };
    let soon = Deadline::after(Clock, Duration::from_secs(5));
    let both = async { tokio::join!(house.gateway.probe(), stop).0 };
    let found = soon.bound(both).await.expect("it ends with its scope");
    assert_eq!(found.len(), 0);
    assert_eq!(looks(&house, "unfinished"), 1.0);
}
