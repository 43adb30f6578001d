//! Bedrock with a credential that is lent: the real binary with the variables of
//! each source, before simulated services that `boto3` takes for Amazon's.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::gate::{Folder, Start};
use tidegate_testkit::native::lender::{CONTAINER, Lender, ROLE};
use tidegate_testkit::native::{Dialect, sigv4};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{
    Certificate, Gate, RawClient, Recorded, Script, Stopwatch, Upstream, crowd, pause,
};

const CHAT: &str = "/v1/chat/completions";
const TOKEN: &str = "token-canary";

fn file(upstream: &Upstream, lines: &str) -> String {
    let base = Dialect::Bedrock.base_url(upstream);
    format!(
        "checks = \"off\"\ndefault_provider = \"b\"\n[providers.b]\nkind = \"bedrock\"\n\
         base_url = \"{base}\"\nretry = {{ attempts = 1 }}\n{lines}\n"
    )
}

fn body() -> String {
    json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] }).to_string()
}

/// A source: its variables, and what of it only the file can say.
struct Source {
    name: &'static str,
    lines: &'static str,
    variables: Variables,
    /// The profile that `boto3` is told by its program.
    profile: Option<&'static str>,
    /// What of its own requests are compared with those of `boto3`.
    asks: &'static [&'static str],
}

type Variables = Vec<(&'static str, String)>;

/// `boto3` looks for the older name alone.
fn region() -> Variables {
    let region = || sigv4::REGION.to_owned();
    vec![("AWS_REGION", region()), ("AWS_DEFAULT_REGION", region())]
}

fn source(name: &'static str, asks: &'static [&'static str], variables: Variables) -> Source {
    Source {
        name,
        lines: "",
        variables: region().into_iter().chain(variables).collect(),
        profile: None,
        asks,
    }
}

/// A profile with a role, by the access key of another one.
fn profile(lender: &Lender, folder: &Folder) -> Source {
    let written = |name: &str, text: &str| folder.file(name, text).display().to_string();
    let (key, secret) = (sigv4::ACCESS_KEY, sigv4::SECRET_KEY);
    let base = format!("[base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
    let config = format!(
        "[profile tide]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = x y\n\
         role_session_name = tide\nduration_seconds = 900\nregion = {}\n",
        sigv4::REGION
    );
    Source {
        name: "profile",
        lines: "profile = \"tide\"",
        variables: vec![
            ("AWS_CONFIG_FILE", written("config", &config)),
            ("AWS_SHARED_CREDENTIALS_FILE", written("credentials", &base)),
            ("AWS_ENDPOINT_URL_STS", lender.url()),
        ],
        profile: Some("tide"),
        asks: &["POST /"],
    }
}

fn sources(lender: &Lender, folder: &Folder) -> Vec<Source> {
    let token = || folder.file("token", TOKEN).display().to_string();
    let full = || {
        let url = format!("{}{CONTAINER}", lender.url());
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    };
    let container = &["GET /v1/credentials?of=tide"];
    let web = vec![
        ("AWS_ENDPOINT_URL_STS", lender.url()),
        ("AWS_ROLE_ARN", ROLE.to_owned()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token()),
        ("AWS_ROLE_SESSION_NAME", "tide".to_owned()),
    ];
    let shown = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN.to_owned());
    let in_file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token());
    let machine = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", lender.url());
    let asks = &[
        "PUT /latest/api/token",
        "GET /latest/meta-data/iam/security-credentials/",
        "GET /latest/meta-data/iam/security-credentials/tide",
    ];
    vec![
        source("web identity", &["POST /"], web),
        source("container", container, vec![full(), shown]),
        source(
            "container, its token in a file",
            container,
            vec![full(), in_file],
        ),
        profile(lender, folder),
        Source {
            lines: "credentials = \"machine\"",
            ..source("machine", asks, vec![machine])
        },
    ]
}

/// What one request asks for: its line, the fields of its form, the headers that
/// matter; a signature as what it is of.
fn form(request: &Recorded) -> BTreeMap<String, String> {
    let (method, target) = request.line();
    let mut form = BTreeMap::from([("line".to_owned(), format!("{method} {target}"))]);
    let text = request.text();
    for field in text.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        // Both are ways to write a space.
        form.insert(name.to_owned(), value.replace('+', "%20"));
    }
    if let Some(kind) = request.header("content-type").filter(|_| method == "POST") {
        form.insert("content-type".to_owned(), kind);
    }
    for name in ["host", "x-aws-ec2-metadata-token"] {
        form.extend(request.header(name).map(|value| (name.to_owned(), value)));
    }
    if let Some(signed) = request.header("authorization") {
        let scope = signed.split("Signature=").next().unwrap_or_default();
        // Its region, its service, and what is signed; not which minute of which day.
        let is_day = |part: &&str| part.len() == 8 && part.parse::<u32>().is_ok();
        let parts: Vec<_> = scope.split('/').filter(|part| !is_day(part)).collect();
        form.insert("authorization".to_owned(), parts.join("/"));
    }
    form
}

fn start(source: &Source, upstream: &Upstream) -> Start {
    let start = Start::with_text(&file(upstream, source.lines));
    let variables = source.variables.iter();
    variables.fold(start, |start, (name, value)| start.env(name, value))
}

/// Nothing that is lent, or that was shown for it, stands where it can be read.
async fn keeps_its_secrets(gate: &Gate, name: &str) {
    let mut shown = format!("{}{}", gate.stdout(), gate.stderr());
    for path in [
        "/metrics",
        "/debug/pools",
        "/debug/requests",
        "/admin/v1/config",
        "/debug/overload",
    ] {
        shown += &gate.get(path).await.text();
    }
    for secret in ["canary", sigv4::SECRET_KEY] {
        assert!(!shown.contains(secret), "{name}: {secret}\n{shown}");
    }
}

#[tokio::test]
async fn each_source_lends_what_boto3_would_be_lent() {
    let folder = Folder::new();
    let lender = Lender::start(TOKEN).await;
    for source in sources(&lender, &folder) {
        let upstream = Dialect::Bedrock.start().await;
        let gate = start(&source, &upstream).start().await;
        let before = lender.requests().len();
        let reply = gate.post(CHAT, &body()).await;
        assert_eq!(reply.status(), 200, "{}: {}", source.name, reply.text());
        let asked = lender.requests().split_off(before);
        let lines: Vec<_> = asked.iter().map(|one| form(one)["line"].clone()).collect();
        assert_eq!(lines, source.asks, "{}", source.name);
        let token = upstream.request(0).await.header("x-amz-security-token");
        assert_eq!(token, Some(format!("lent-canary-{}", lender.lent())));
        keeps_its_secrets(&gate, source.name).await;
        let pools = gate.get("/debug/pools").await.json();
        let seen = pools["pools"].as_array().into_iter().flatten();
        let seen = seen.filter(|one| one["provider"] == "b");
        let seen: Vec<_> = seen.map(|one| one["credential"].clone()).collect();
        assert_eq!(seen.len(), 1, "{pools}");
        assert!(seen[0]["left_ms"].as_u64() > Some(0), "{pools}");
        assert_eq!(seen[0]["failed"], Value::Null, "{pools}");

        if !Sdk::Dialects.is_here() {
            continue;
        }
        let before = lender.requests().len();
        let url = Dialect::Bedrock.base_url(&upstream);
        let variables = source.variables.iter();
        let variables: Vec<_> = variables.map(|(name, value)| (*name, &**value)).collect();
        let args: Vec<_> = [&*url].into_iter().chain(source.profile).collect();
        Sdk::Dialects.run_with("lent", &args, &variables).await;
        let theirs = lender.requests().split_off(before);
        let (ours, theirs): (Vec<_>, Vec<_>) = (
            asked.iter().map(form).collect(),
            theirs.iter().map(form).collect(),
        );
        assert_eq!(ours, theirs, "{}", source.name);
    }
}

fn by_container(lender: &Lender, upstream: &Upstream) -> Start {
    let url = format!("{}{CONTAINER}", lender.url());
    Start::with_text(&file(upstream, ""))
        .env("AWS_REGION", sigv4::REGION)
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN)
}

#[tokio::test]
async fn a_hundred_first_calls_fetch_once() {
    let (lender, upstream) = (Lender::start(TOKEN).await, Dialect::Bedrock.start().await);
    lender.late(Duration::from_millis(300));
    let gate = by_container(&lender, &upstream).start().await;
    let address = gate.address();
    let told = crowd(100, 100, move |_| async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &body()).await;
        client.reply().await.status()
    })
    .await;
    assert!(told.iter().all(|status| *status == 200), "{told:?}");
    assert_eq!(lender.requests().len(), 1);
}

/// Credentials of six seconds: another one is there before each ends, nobody
/// notices; when nobody lends one any more, the last serves until its end.
#[tokio::test]
async fn calls_go_on_through_the_end_of_credentials_and_of_their_lender() {
    let (lender, upstream) = (Lender::start(TOKEN).await, Dialect::Bedrock.start().await);
    lender.life(Duration::from_secs(6));
    let gate = by_container(&lender, &upstream).start().await;
    let (watch, mut last) = (Stopwatch::start(), 0);
    while lender.lent() < 3 {
        let reply = gate.post(CHAT, &body()).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        assert!(
            watch.elapsed() < Duration::from_secs(60),
            "nothing is renewed"
        );
        last = lender.lent();
        pause(Duration::from_millis(50)).await;
    }
    assert!(last >= 2);
    // One that is good is there now, for more than two seconds.
    lender.breaks(Some(Script::json(503, "{}")));
    let (mut good, mut asked) = (0, lender.requests().len());
    let failed = loop {
        let reply = gate.post(CHAT, &body()).await;
        if reply.status() != 200 {
            break reply;
        }
        good += 1;
        pause(Duration::from_millis(50)).await;
    };
    let lender_asked = lender.requests().len() - asked;
    assert!(good >= 1 && lender_asked >= 1, "{good} {lender_asked}");
    assert_eq!(failed.status_and_code(), (502, "upstream_auth".to_owned()));
    assert!(failed.text().contains("container"), "{}", failed.text());
    // It is not hammered: one a second at most, whoever asks.
    let watch = Stopwatch::start();
    asked = lender.requests().len();
    for _ in 0..50 {
        gate.post(CHAT, &body()).await;
    }
    let most = 2 + watch.elapsed().as_secs() as usize;
    assert!(lender.requests().len() - asked <= most, "{most}");
    lender.breaks(None);
    until_async("it comes back by itself", || async {
        (gate.post(CHAT, &body()).await.status() == 200).then_some(())
    })
    .await;
    keeps_its_secrets(&gate, "container").await;
}

#[tokio::test]
async fn a_token_that_was_replaced_is_read_anew() {
    let folder = Folder::new();
    let (lender, upstream) = (Lender::start(TOKEN).await, Dialect::Bedrock.start().await);
    lender.life(Duration::from_secs(3));
    let all = sources(&lender, &folder);
    let gate = start(&all[0], &upstream).start().await;
    assert_eq!(gate.post(CHAT, &body()).await.status(), 200);
    // As clusters do: another file takes its place.
    let next = folder.file("next", "another-canary");
    std::fs::rename(&next, folder.path().join("token")).expect("the same folder");
    lender.token("another-canary");
    until_async("the next credential signs", || async {
        let reply = gate.post(CHAT, &body()).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        (lender.lent() >= 2).then_some(())
    })
    .await;
    keeps_its_secrets(&gate, "web identity").await;
}

/// The token service is trusted as its provider is, and by nothing else.
#[tokio::test]
async fn a_token_service_must_show_a_certificate_that_is_trusted() {
    let folder = Folder::new();
    let (shown, upstream) = (Certificate::good(), Dialect::Bedrock.start().await);
    let lender = Lender::start_tls(TOKEN, &shown).await;
    let name = "AWS_ENDPOINT_URL_STS";
    let url = lender.url().replace("127.0.0.1", "localhost");
    for (trusted, status) in [(true, 200), (false, 502)] {
        let authority = match trusted {
            true => shown.authority_pem().to_owned(),
            false => Certificate::good().authority_pem().to_owned(),
        };
        let path = folder.file("ca.pem", &authority);
        let lines = format!("ca_file = \"{}\"", path.display());
        let mut source = sources(&lender, &folder).remove(0);
        for (known, value) in &mut source.variables {
            if *known == name {
                value.clone_from(&url);
            }
        }
        let gate = Start::with_text(&file(&upstream, &lines));
        let variables = source.variables.iter();
        let gate = variables.fold(gate, |gate, (name, value)| gate.env(name, value));
        let gate = gate.start().await;
        let reply = gate.post(CHAT, &body()).await;
        assert_eq!(reply.status(), status, "{}", reply.text());
        if !trusted {
            assert!(reply.text().contains("by TLS"), "{}", reply.text());
        }
    }
    assert_eq!(lender.lent(), 1);
}

/// The shared files are followed like the file that means them (R-S15).
#[tokio::test]
async fn r_s15_another_key_of_a_profile_signs_once_its_file_has_it() {
    let upstream = Dialect::Bedrock.start().await;
    let folder = Folder::new();
    let key = |secret: &str| {
        let access = sigv4::ACCESS_KEY;
        format!("[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
    };
    let path = folder.file("credentials", &key("ended-canary"));
    let gate = Start::with_text(&file(&upstream, ""))
        .env("AWS_REGION", sigv4::REGION)
        .env("AWS_SHARED_CREDENTIALS_FILE", &path.display().to_string())
        .start()
        .await;
    assert_eq!(gate.post(CHAT, &body()).await.status(), 502);
    folder.file("credentials", &key(sigv4::SECRET_KEY));
    until_async("the file is taken up", || async {
        (gate.post(CHAT, &body()).await.status() == 200).then_some(())
    })
    .await;
    keeps_its_secrets(&gate, "profile").await;
}

/// R-D3: a look at the provider fetches a credential, and a start that is to be
/// without a doubt is not made without one.
#[tokio::test]
async fn r_d3_a_start_that_requires_its_checks_wants_a_credential() {
    let (lender, upstream) = (Lender::start(TOKEN).await, Dialect::Bedrock.start().await);
    lender.breaks(Some(Script::json(404, "{}")));
    let text = file(&upstream, "").replace("\"off\"", "\"require\"");
    let url = format!("{}{CONTAINER}", lender.url());
    let start = Start::with_text(&text)
        .env("AWS_REGION", sigv4::REGION)
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN);
    let (status, out, err) = start.run().await;
    assert!(!status.success(), "{out}{err}");
    assert!(err.contains("container"), "{err}");
    assert!(err.contains("404"), "{err}");
    assert!(!err.contains("canary"), "{err}");
}

/// A lender that takes the question and never answers.
#[tokio::test]
async fn a_lender_that_hangs_is_given_up() {
    let (lender, upstream) = (Lender::start(TOKEN).await, Dialect::Bedrock.start().await);
    lender.breaks(Some(Script::silent()));
    let gate = by_container(&lender, &upstream).start().await;
    let reply = gate.post(CHAT, &body()).await;
    assert_eq!(reply.status_and_code(), (502, "upstream_auth".to_owned()));
    assert!(reply.text().contains("within 5 s"), "{}", reply.text());
    lender.breaks(None);
    until_async("it comes back by itself", || async {
        (gate.post(CHAT, &body()).await.status() == 200).then_some(())
    })
    .await;
}

async fn check(file: &Path, source: &Source, print: bool) -> (bool, String) {
    let path = file.display().to_string();
    let mut args = vec!["check", "--config", &*path];
    args.extend(print.then_some("--print"));
    let start = Start::command(&args);
    let variables = source.variables.iter();
    let start = variables.fold(start, |start, (name, value)| start.env(name, value));
    let (status, out, err) = start.run().await;
    (status.success(), format!("{out}{err}"))
}

#[tokio::test]
async fn check_names_the_source() {
    let folder = Folder::new();
    let (lender, upstream) = (Lender::start(TOKEN).await, Dialect::Bedrock.start().await);
    let mut all = sources(&lender, &folder);
    for source in &all {
        let file = folder.file("tidegate.toml", &file(&upstream, source.lines));
        let (fine, told) = check(&file, source, false).await;
        assert!(fine, "{}: {told}", source.name);
        let signs = format!("providers.b is signed to in {} with ", sigv4::REGION);
        assert!(told.contains(&signs), "{}: {told}", source.name);
        let word = source.name.split(',').next().unwrap_or_default();
        assert!(told.contains(word), "{word}: {told}");
        let (fine, printed) = check(&file, source, true).await;
        assert!(fine, "{printed}");
        for text in [told, printed] {
            assert!(!text.contains("canary"), "{text}");
            assert!(!text.contains(sigv4::SECRET_KEY), "{text}");
        }
    }
    assert_eq!(lender.requests().len(), 0, "nothing is opened to the world");
    let nothing = &mut all[0];
    nothing.variables.truncate(1);
    let file = folder.file("tidegate.toml", &file(&upstream, ""));
    let (fine, told) = check(&file, nothing, false).await;
    assert!(!fine, "{told}");
    for word in [
        "has no credential",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "machine",
    ] {
        assert!(told.contains(word), "{told}");
    }
}
