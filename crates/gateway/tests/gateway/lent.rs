//! Credentials that are lent: one fetch for all who wait, another in time, and
//! what is told when nobody lends one.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Overflow, Why};
use tidegate_gateway::{
    AwsKeys, AwsRole, AwsSettings, AwsSource, BaseUrl, Dialect, Failure, ServiceToken,
};
use tidegate_kernel as kernel;
use tidegate_testkit::gate::Folder;
use tidegate_testkit::native::lender::{CONTAINER, Lender, ROLE};
use tidegate_testkit::native::{self, sigv4};
use tidegate_testkit::wait::{crowd, until_async};
use tidegate_testkit::{Script, Signal, Stopwatch, Upstream, beside, until};
use tidegate_types::Code;

use crate::house::{House, Plan, pool, settings, text};

const TOKEN: &str = "token-canary";

fn base(lender: &Lender) -> BaseUrl {
    let url = lender.url();
    let (host, port) = url["http://".len()..].rsplit_once(':').unwrap();
    BaseUrl {
        tls: false,
        host: host.to_owned(),
        port: port.parse().unwrap(),
        path: String::new(),
    }
}

fn role() -> AwsRole {
    AwsRole {
        arn: ROLE.to_owned(),
        session: "tidegate".to_owned(),
        external_id: None,
        seconds: None,
    }
}

fn keys() -> AwsKeys {
    AwsKeys {
        access_key: sigv4::ACCESS_KEY.into(),
        secret_key: sigv4::SECRET_KEY.into(),
        session_token: None,
    }
}

fn by_container(lender: &Lender) -> AwsSource {
    AwsSource::Container {
        base: base(lender),
        target: CONTAINER.to_owned(),
        token: Some(ServiceToken::Text(TOKEN.into())),
    }
}

/// A provider of Bedrock's that signs so, with one attempt a request.
fn plan(source: AwsSource, roles: Vec<AwsRole>, lender: &Lender) -> Plan {
    let mut plan = Plan::trying();
    (plan.dialect, plan.responses, plan.keys) = (Dialect::Bedrock, false, 0);
    plan.retry.attempts = 1;
    plan.pool = pool(200, 10, Overflow::Error);
    plan.aws = Some(AwsSettings {
        region: sigv4::REGION.to_owned(),
        source,
        roles,
        sts: base(lender),
    });
    plan
}

struct Scene {
    house: Arc<House>,
    upstream: Upstream,
    lender: Lender,
    plan: Plan,
}

impl Scene {
    async fn of(source: impl FnOnce(&Lender) -> AwsSource, roles: Vec<AwsRole>) -> Self {
        let lender = Lender::start(TOKEN).await;
        let upstream = native::Dialect::Bedrock.start().await;
        let plan = plan(source(&lender), roles, &lender);
        let house = Arc::new(House::new(plan.clone(), Some(&upstream)));
        Self {
            house,
            upstream,
            lender,
            plan,
        }
    }

    async fn container() -> Self {
        Self::of(by_container, Vec::new()).await
    }

    async fn ask(&self) -> Result<String, Failure> {
        Ok(text(self.house.ask("up/m", false).await?).await)
    }

    /// The token of the credential that signed the last request.
    fn token(&self) -> Option<String> {
        let last = self.upstream.requests().pop()?;
        last.header("x-amz-security-token")
    }

    fn settled(self) {
        assert!(self.house.gateway.snapshot().holds());
    }
}

#[tokio::test]
async fn each_source_lends_what_bedrock_takes() {
    let folder = Folder::new();
    let token_file = folder.file("token", &format!("{TOKEN}\n"));
    let by_file = token_file.clone();
    let machine = |lender: &Lender| AwsSource::Machine { base: base(lender) };
    let scenes = [
        Scene::of(
            |_| AwsSource::WebIdentity {
                role: role(),
                token_file,
            },
            Vec::new(),
        )
        .await,
        Scene::container().await,
        Scene::of(
            |lender| AwsSource::Container {
                base: base(lender),
                target: CONTAINER.to_owned(),
                token: Some(ServiceToken::File(by_file)),
            },
            Vec::new(),
        )
        .await,
        Scene::of(machine, Vec::new()).await,
        Scene::of(|_| AwsSource::Keys(keys()), vec![role()]).await,
        Scene::of(machine, vec![role(), role()]).await,
    ];
    for scene in scenes {
        let told = scene.ask().await.unwrap();
        assert!(told.contains("choices"), "{told}");
        let last = scene.lender.lent();
        assert_eq!(scene.token(), Some(format!("lent-canary-{last}")));
        scene.ask().await.unwrap();
        assert_eq!(scene.lender.lent(), last, "it is kept");
        let left = scene.house.samples();
        let left = left.sum("tidegate_credential_left_seconds", &["up"]);
        assert!((1.0..=3600.0).contains(&left), "{left}");
        scene.settled();
    }
}

#[tokio::test]
async fn a_hundred_who_have_none_fetch_once() {
    let scene = Scene::container().await;
    scene.lender.late(Duration::from_millis(200));
    let ask = |_| {
        let house = Arc::clone(&scene.house);
        async move {
            let reply = house.ask("up/m", false).await;
            reply.map(|_| ()).map_err(|failure| failure.code)
        }
    };
    let told = crowd(100, 100, ask).await;
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    assert_eq!(scene.lender.requests().len(), 1);
}

#[tokio::test]
async fn who_leaves_while_he_fetches_strands_nobody() {
    let (scene, answer) = (Scene::container().await, Signal::new());
    scene.lender.holds(&answer);
    let asks = || {
        let house = Arc::clone(&scene.house);
        beside(async move { house.ask("up/m", false).await.is_ok() })
    };
    let first = asks();
    until("the first fetches", || {
        (!scene.lender.requests().is_empty()).then_some(())
    })
    .await;
    let second = asks();
    until("the second waits too", || {
        let samples = scene.house.samples();
        (samples.sum("tidegate_once_joined_total", &["up"]) == 1.0).then_some(())
    })
    .await;
    drop(first);
    answer.fire();
    assert!(second.result().await);
    assert_eq!(scene.lender.requests().len(), 1);
}

/// Nobody is left of a fetch: it ends, and the one after begins anew.
#[tokio::test]
async fn a_fetch_that_all_have_left_is_begun_anew() {
    let (scene, answer) = (Scene::container().await, Signal::new());
    scene.lender.holds(&answer);
    let house = Arc::clone(&scene.house);
    let only = beside(async move { house.ask("up/m", false).await.is_ok() });
    until("he fetches", || {
        (!scene.lender.requests().is_empty()).then_some(())
    })
    .await;
    drop(only);
    until("he has left", || {
        (scene.house.gateway.snapshot().in_flight == 0).then_some(())
    })
    .await;
    answer.fire();
    scene.ask().await.unwrap();
    assert_eq!(scene.lender.requests().len(), 2);
    assert_eq!(scene.token().as_deref(), Some("lent-canary-2"));
}

/// The monotonic clock goes on; that of the wall does not.
async fn skip(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

#[tokio::test]
async fn nobody_waits_for_the_next_one_while_the_last_is_good() {
    let scene = Scene::container().await;
    scene.ask().await.unwrap();
    skip(Duration::from_secs(54 * 60)).await;
    scene.ask().await.unwrap();
    assert_eq!(scene.lender.requests().len(), 1, "it is early yet");

    skip(Duration::from_secs(2 * 60)).await;
    // Another one is asked for, and does not come.
    scene.lender.breaks(Some(Script::silent()));
    for _ in 0..3 {
        scene.ask().await.unwrap();
        assert_eq!(scene.token().as_deref(), Some("lent-canary-1"));
    }
    until("it is asked for", || {
        (scene.lender.requests().len() == 2).then_some(())
    })
    .await;
    // It is given up and told, and the last one serves on; the next is asked for at
    // leisure.
    skip(Duration::from_secs(5)).await;
    until("it is given up", || {
        let pools = scene.house.gateway.pools();
        let up = pools.into_iter().find(|pool| &*pool.provider == "up")?;
        let failed = up.credential?.failed?;
        failed.contains("within 5 s").then_some(())
    })
    .await;
    scene.lender.breaks(None);
    until_asked(&scene, "lent-canary-2").await;
    assert_eq!(scene.lender.lent(), 2);
}

/// Asks until a request is signed by this credential; none may fail.
async fn until_asked(scene: &Scene, token: &str) {
    until_async("another credential signs", || async {
        scene.ask().await.unwrap();
        (scene.token().as_deref() == Some(token)).then_some(())
    })
    .await;
}

/// R-D9: a fetch that hangs keeps nobody from stopping.
#[tokio::test]
async fn r_d9_who_stops_waits_for_no_fetch() {
    let scene = Scene::container().await;
    scene.ask().await.unwrap();
    skip(Duration::from_secs(56 * 60)).await;
    scene.lender.breaks(Some(Script::silent()));
    scene.ask().await.unwrap();
    let fetches = || {
        let running = scene.house.scope.running();
        running.iter().any(|one| one.name == "renew a credential")
    };
    until("another one is fetched", || fetches().then_some(())).await;
    // From here on time goes on only while nobody has anything to do.
    tokio::time::pause();
    let begun = Clock.now();
    scene.house.scope.cancel(Why::Shutdown);
    while fetches() {
        Clock.sleep(Duration::from_millis(1)).await;
        assert!(Clock.now() - begun < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn one_that_has_ended_signs_nothing() {
    let scene = Scene::container().await;
    scene.ask().await.unwrap();
    skip(Duration::from_secs(3601)).await;
    scene.ask().await.unwrap();
    assert_eq!(scene.token().as_deref(), Some("lent-canary-2"));
    // Nor does one that had ended when it came.
    skip(Duration::from_secs(3601)).await;
    scene.lender.life(Duration::ZERO);
    let before = scene.upstream.count();
    let failure = scene.ask().await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamAuth);
    assert!(failure.message.contains("clock"), "{failure:?}");
    assert_eq!(scene.upstream.count(), before);
}

#[tokio::test]
async fn a_lender_that_is_down_is_told_and_comes_back_by_itself() {
    let scene = Scene::container().await;
    scene.lender.breaks(Some(Script::json(503, "{}")));
    let begun = Stopwatch::start();
    for _ in 0..20 {
        let failure = scene.ask().await.err().unwrap();
        assert_eq!(failure.code, Code::UpstreamAuth);
        let told = &failure.message;
        assert!(told.contains("container"), "{told}");
        assert!(told.contains("503"), "{told}");
        assert_eq!(failure.retry_after, None, "an SDK is told not to come back");
    }
    // One a second at most, however many ask.
    let most = 1 + begun.elapsed().as_secs() as usize;
    assert!(scene.lender.requests().len() <= most, "{most}");
    assert_eq!(scene.upstream.count(), 0);
    scene.lender.breaks(None);
    skip(Duration::from_secs(1)).await;
    scene.ask().await.unwrap();
    assert_eq!(scene.lender.lent(), 1);
}

#[tokio::test]
async fn a_request_with_attempts_left_waits_for_the_next_fetch() {
    let scene = Scene::container().await;
    scene.lender.breaks(Some(Script::json(500, "{}")));
    let mut plan = scene.plan.clone();
    plan.retry.attempts = 2;
    let house = Arc::new(House::new(plan, Some(&scene.upstream)));
    let asks = Arc::clone(&house);
    let asked = beside(async move { asks.ask("up/m", false).await.is_ok() });
    until("the first fetch fails", || {
        (!scene.lender.requests().is_empty()).then_some(())
    })
    .await;
    scene.lender.breaks(None);
    assert!(asked.result().await);
}

#[tokio::test(start_paused = true)]
async fn a_lender_that_does_not_answer_is_given_up() {
    let scene = Scene::container().await;
    scene.lender.breaks(Some(Script::silent()));
    let failure = scene.ask().await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamAuth);
    assert!(failure.message.contains("within 5 s"), "{failure:?}");
}

/// R-D13: the request's own end comes first, if it is sooner.
#[tokio::test(start_paused = true)]
async fn r_d13_nobody_waits_longer_for_it_than_he_has() {
    let scene = Scene::container().await;
    scene.lender.breaks(Some(Script::silent()));
    let mut call = House::call("up/m", false);
    call.patience = Some(Duration::from_secs(2));
    let begun = Clock.now();
    let failure = scene.house.send(call).await.err().unwrap();
    assert_eq!(failure.code, Code::DeadlineExceeded);
    assert!(Clock.now() - begun < Duration::from_secs(5));
}

#[tokio::test]
async fn what_is_wrong_is_told_with_what_to_do() {
    let folder = Folder::new();
    let token_file = folder.path().join("token");
    let (of, by_file) = (token_file.clone(), token_file.clone());
    let web = move |_: &Lender| AwsSource::WebIdentity {
        role: role(),
        token_file: of,
    };
    let scene = Scene::of(web, Vec::new()).await;
    let failure = scene.ask().await.err().unwrap();
    for word in ["token file cannot be read", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        assert!(failure.message.contains(word), "{failure:?}");
    }
    // Where it stands is for the log.
    let place = by_file.display().to_string();
    assert!(!failure.message.contains(&place), "{failure:?}");
    assert!(failure.aside().unwrap().contains(&place), "{failure:?}");

    // The token service repeats what it was shown; that is for nobody.
    std::fs::write(&token_file, "another-canary").unwrap();
    skip(Duration::from_secs(1)).await;
    let failure = scene.ask().await.err().unwrap();
    assert!(
        failure.message.contains("InvalidIdentityToken"),
        "{failure:?}"
    );
    assert!(failure.aside().unwrap().contains(ROLE), "{failure:?}");
    assert!(
        !format!("{failure:?}").contains("another-canary"),
        "{failure:?}"
    );

    // Whoever lends tokens by a file writes another one over it.
    std::fs::write(&token_file, TOKEN).unwrap();
    skip(Duration::from_secs(1)).await;
    scene.ask().await.unwrap();
    scene.settled();
}

#[tokio::test]
async fn a_role_that_is_not_given_is_told() {
    let mut other = role();
    other.arn = "arn:aws:iam::123456789012:role/canary".to_owned();
    let scene = Scene::of(|_| AwsSource::Keys(keys()), vec![other]).await;
    let failure = scene.ask().await.err().unwrap();
    for word in ["AccessDenied", "403", "trusts the account"] {
        assert!(failure.message.contains(word), "{failure:?}");
    }
    assert!(!failure.message.contains("canary"), "{failure:?}");
}

/// One that was called back before its end is fetched anew; whoever asks for what
/// the account may not have does not have it fetched each time.
#[tokio::test]
async fn one_that_is_refused_is_fetched_anew() {
    let scene = Scene::container().await;
    scene.ask().await.unwrap();
    let refusal = Script::json(403, r#"{"message":"The security token is invalid"}"#);
    scene.upstream.by(move |_| Some(refusal.clone()));
    skip(Duration::from_secs(61)).await;
    let refused = || async {
        let failure = scene.ask().await.err().unwrap();
        assert_eq!(failure.code, Code::UpstreamAuth);
    };
    until_async("another one signs", || async {
        refused().await;
        (scene.token().as_deref() == Some("lent-canary-2")).then_some(())
    })
    .await;
    for _ in 0..5 {
        refused().await;
    }
    scene
        .upstream
        .by(|request| Some(native::Dialect::Bedrock.answer(request)));
    scene.ask().await.unwrap();
    assert_eq!(scene.lender.lent(), 2);

    // Nobody has to wait for it, or has none because of others.
    skip(Duration::from_secs(61)).await;
    scene.lender.breaks(Some(Script::silent()));
    scene.upstream.next(Script::json(403, "{}"));
    scene.upstream.by(|_| None);
    refused().await;
    scene
        .upstream
        .by(|request| Some(native::Dialect::Bedrock.answer(request)));
    scene.ask().await.unwrap();
}

/// INV-SECRET: what an upstream repeats of a credential is nobody's to read.
#[tokio::test]
async fn inv_secret_a_credential_that_its_upstream_repeats_is_hidden() {
    let scene = Scene::container().await;
    scene.ask().await.unwrap();
    for secret in [sigv4::SECRET_KEY, "lent-canary-1"] {
        let said = format!(r#"{{"message":"cannot sign by {secret}"}}"#);
        scene.upstream.by(|_| None);
        scene.upstream.always(Script::json(400, &said));
        let failure = scene.ask().await.err().unwrap();
        assert!(failure.message.contains("cannot sign"), "{failure:?}");
        assert!(!format!("{failure:?}").contains(secret), "{failure:?}");
    }
}

#[tokio::test]
async fn a_credential_stays_through_another_configuration() {
    let scene = Scene::container().await;
    scene.ask().await.unwrap();
    let mut plan = scene.plan.clone();
    plan.retry.attempts = 2;
    let (next, _) = scene.house.apply(settings(&plan, Some(&scene.upstream)));
    text(next.ask("up/m", false).await.unwrap()).await;
    assert_eq!(scene.lender.lent(), 1);
    // Another account is another one.
    if let Some(aws) = &mut plan.aws {
        aws.roles = vec![role()];
    }
    let (next, _) = next.apply(settings(&plan, Some(&scene.upstream)));
    text(next.ask("up/m", false).await.unwrap()).await;
    assert_eq!(scene.lender.lent(), 3);
}

/// R-D3: a look at the provider fetches one too.
#[tokio::test]
async fn r_d3_a_look_says_what_is_wrong_with_the_credential() {
    let scene = Scene::container().await;
    scene.lender.breaks(Some(Script::json(404, "{}")));
    let found = scene.house.gateway.probe().await;
    let failure = found[0].models.as_ref().err().unwrap();
    assert_eq!(failure.code, Code::UpstreamAuth);
    scene.lender.breaks(None);
    skip(Duration::from_secs(1)).await;
    let found = scene.house.gateway.probe().await;
    assert!(found[0].models.is_ok(), "{found:?}");
    assert_eq!(scene.lender.lent(), 1);
}
