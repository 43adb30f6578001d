//! The configuration as its users meet it: whole files in, one value or all
//! problems out. The numbers are those of the promises in `config`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;

mod azure;
mod bedrock;
mod cache;
mod catalogue;
mod dialects;
mod effective;
mod presets;
mod resilience;
mod routes;
mod schema;
mod script;
mod tls;

/// The file of issue 2, as it stands there.
const ISSUE: &str = r#"listen = "127.0.0.1:7070"
default_provider = "mock"
shutdown_timeout = "30s"
[providers.mock]
kind = "openai"
base_url = "http://127.0.0.1:9100/v1"
keys = [{ name = "main", value = "sk-x" }]      # or value = "env:OPENAI_API_KEY"
models = ["*"]
pool = { size = 100, queue = 500, queue_bytes = "256MiB", overflow = "block", max_wait = "10s" }
timeouts = { connect = "5s", first_byte = "60s", first_content = "120s", idle = "60s", total = "300s" }
"#;

const PROVIDER: &str = "[providers.m]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn source(text: &str) -> Source {
    let file = File::Text {
        name: "tidegate.toml".to_owned(),
        text: text.to_owned(),
    };
    Source {
        file,
        ..Source::default()
    }
}

fn read(text: &str) -> Result<Loaded, Problems> {
    load(source(text), &env(&[]))
}

/// No file: the test's folder holds none.
fn from_env(pairs: &[(&str, &str)]) -> Result<Loaded, Problems> {
    load(Source::default(), &env(pairs))
}

/// `error 3:1 key what`, one line a problem.
fn brief(problems: &Problems) -> Vec<String> {
    let place = |problem: &Problem| match problem.position {
        Some((line, column)) => format!("{line}:{column}"),
        None => problem.origin.clone(),
    };
    let line = |problem: &Problem| {
        let Problem {
            severity,
            key,
            what,
            ..
        } = problem;
        format!("{} {} {key} {what}", severity.as_str(), place(problem))
    };
    problems.iter().map(line).collect()
}

fn refused(text: &str) -> Vec<String> {
    brief(&read(text).unwrap_err())
}

fn warned(text: &str) -> Vec<String> {
    brief(&read(text).unwrap().warnings)
}

#[test]
fn the_file_of_the_issue_works_as_it_stands() {
    let Loaded {
        config,
        warnings,
        file,
        ..
    } = read(ISSUE).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    assert_eq!(file.as_deref(), Some("tidegate.toml"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(config.default_provider.as_deref(), Some("mock"));
    assert_eq!(config.shutdown_timeout, Duration::from_secs(30));
    assert!(config.sim.enabled && config.auth.keys.is_empty());
    let [mock] = &config.providers[..] else {
        panic!("{:?}", config.providers)
    };
    assert_eq!((&*mock.name, mock.kind), ("mock", Kind::OpenAi));
    assert_eq!(mock.base_url.to_string(), "http://127.0.0.1:9100/v1");
    assert_eq!(mock.keys[0].value.value.expose_secret(), "sk-x");
    assert_eq!(mock.keys[0].value.source, SecretSource::Literal);
    assert_eq!(mock.models, ["*"]);
    let Pool {
        size,
        queue,
        queue_bytes,
        overflow,
        max_wait,
        limit,
        min,
        shadow,
        slow,
    } = mock.pool.clone();
    assert_eq!(
        (size, queue, queue_bytes, overflow),
        (100, 500, 256 << 20, Overflow::Block)
    );
    assert_eq!(max_wait, Duration::from_secs(10));
    assert_eq!(
        (limit, min, shadow, slow),
        (LimitKind::Scaled, 10, false, None)
    );
    assert_eq!(mock.timeouts.first_content, Duration::from_secs(120));
    assert_eq!(mock.usage, UsageMode::Ask);
}

#[test]
fn a_key_may_stand_in_the_environment() {
    let text = ISSUE.replace("value = \"sk-x\"", "value = \"env:OPENAI_API_KEY\"");
    let loaded = load(source(&text), &env(&[("OPENAI_API_KEY", "sk-from-env")])).unwrap();
    let key = &loaded.config.providers[0].keys[0].value;
    assert_eq!(key.value.expose_secret(), "sk-from-env");
    assert_eq!(key.source, SecretSource::Env("OPENAI_API_KEY".to_owned()));
    let problems = load(source(&text), &env(&[("OPENAI_API_KEY", "")])).unwrap_err();
    assert_eq!(
        brief(&problems),
        ["error 7:34 providers.mock.keys[0].value names OPENAI_API_KEY, which is not set"]
    );
}

#[test]
fn p1_every_problem_of_a_file_is_told_at_once() {
    let problems = read(include_str!("tests/broken.toml")).unwrap_err();
    assert_eq!(problems.to_string(), include_str!("tests/broken.txt"));
    assert_eq!((problems.errors(), problems.warnings()), (23, 1));
}

#[test]
fn p1_what_is_not_toml_hides_nothing_else() {
    let text = r#"listen = "127.0.0.1:7070
size == 4
[providers.mock]
kind = "openai"
base_url = "http://127.0.0.1:9100/v1"
keys = [{ name = "main", value = sk-canary-1 }]
pool = { size = 0, queue = 0x }
models = ["*"
timeouts = { total = "1s" }
usage = "never"
"#;
    let problems = read(text).unwrap_err();
    assert_eq!(
        brief(&problems),
        [
            "error 1:25  not TOML: invalid basic string, expected `\"`",
            "error 2:7  not TOML: extra `=`, expected nothing",
            "error 6:34  not TOML: string values must be quoted, expected literal string",
            "error 7:17 providers.mock.pool.size is out of range",
            "error 7:28 providers.mock.pool.queue has the wrong type",
            "error 9:1  not TOML: this line stands inside of a list",
        ]
    );
    assert!(!problems.to_string().contains("canary"), "{problems}");
}

#[test]
fn p1_a_provider_that_stands_twice_is_told_once() {
    let text = format!("{PROVIDER}{PROVIDER}");
    assert_eq!(refused(&text), ["error 4:12  this name stands twice"]);
}

#[test]
fn problems_have_a_form_for_machines() {
    let problems = read("listen = 5").unwrap_err();
    assert_eq!(
        problems.to_json(),
        serde_json::json!([{
            "severity": "error", "origin": "tidegate.toml", "line": 1, "column": 10,
            "key": "listen", "what": "has the wrong type", "found": "integer 5",
            "expected": "an IP address with a port, such as \"127.0.0.1:7070\"", "hint": null,
        }])
    );
}

#[test]
fn p2_flags_win_over_the_environment_and_that_over_the_file() {
    let variables = env(&[
        ("TIDEGATE_LISTEN", "127.0.0.1:2"),
        ("TIDEGATE_LOG", "warn"),
        ("TIDEGATE_ADMIN_LISTEN", "127.0.0.1:9"),
    ]);
    let file = "listen = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:8\"\n";
    let loaded = load(source(file), &variables).unwrap();
    assert_eq!(loaded.config.listen.port(), 2);
    assert_eq!(loaded.config.admin_listen.port(), 9);
    let flags = Source {
        listen: Some("127.0.0.1:0".to_owned()),
        ..source(file)
    };
    let loaded = load(flags, &variables).unwrap();
    assert_eq!(loaded.config.listen.port(), 0);
    assert_eq!(loaded.config.log.as_str(), "warn");

    let flags = Source {
        listen: Some("here".to_owned()),
        ..source(file)
    };
    let problems = load(flags, &env(&[("TIDEGATE_LOG", "loud")])).unwrap_err();
    assert_eq!(
        brief(&problems),
        [
            "error environment variable TIDEGATE_LOG log cannot be read",
            "error --listen listen cannot be read",
        ]
    );
}

#[test]
fn unknown_variables_are_warnings_with_a_near_name() {
    let loaded = from_env(&[
        ("TIDEGATE_LISTN", "x"),
        ("TIDEGATE_DATA", "/d"),
        ("TIDEGATE_SERVICE_HOST", "10.0.0.1"),
        ("TIDEGATE_URL", "http://127.0.0.1:7070"),
        ("PATH", "/"),
    ]);
    let warnings = loaded.unwrap().warnings;
    let place = "warning environment variable ";
    assert_eq!(
        brief(&warnings),
        [
            format!(
                "{place}TIDEGATE_DATA TIDEGATE_DATA has no effect: this version stores nothing"
            ),
            format!("{place}TIDEGATE_LISTN TIDEGATE_LISTN is not a variable that Tidegate knows"),
            format!(
                "{place}TIDEGATE_SERVICE_HOST TIDEGATE_SERVICE_HOST is not a variable that Tidegate knows"
            ),
        ]
    );
    let hints: Vec<_> = warnings
        .iter()
        .map(|problem| problem.hint.as_deref())
        .collect();
    assert_eq!(
        hints,
        [None, Some("did you mean `TIDEGATE_LISTEN`?"), None],
        "what an orchestrator injects is near to nothing"
    );
}

#[test]
fn a_variable_in_the_form_of_another_program_is_told() {
    let keys = |key: &str| format!("[auth]\nkeys = [\"{key}\", \"a-key-of-good-length\"]");
    for form in [
        "$GATE_KEY_CANARY",
        "${GATE_KEY_CANARY}",
        "ENV:GATE_KEY_CANARY",
    ] {
        let loaded = read(&keys(form)).unwrap();
        assert_eq!(
            brief(&loaded.warnings),
            ["warning 2:9 auth.keys[0] is taken for the key itself, and looks like a variable"]
        );
        let told = loaded.warnings.to_string();
        assert!(
            told.contains("\"env:NAME\"") && !told.contains("CANARY"),
            "{told}"
        );
    }
    for key in [
        "$2b$10$abcdefghijklmn",
        "env-0123456789abcdef",
        "a:bcdefghijklmnopq",
    ] {
        let warnings = read(&keys(key)).unwrap().warnings;
        assert!(warnings.is_empty(), "{key}: {warnings}");
    }
}

#[test]
fn an_admin_listen_that_nobody_opens_is_told() {
    let loaded = read("admin_listen = \"127.0.0.1:7071\"").unwrap();
    assert_eq!(
        brief(&loaded.warnings),
        ["warning 1:16 admin_listen has no effect while `listen` is a loopback address"]
    );
}

#[test]
fn without_a_file_providers_come_from_the_environment() {
    let config = from_env(&[]).unwrap().config;
    assert!(config.providers.is_empty() && config.sim.enabled);
    assert_eq!(config.default_provider.as_deref(), Some(SIM));

    let config = from_env(&[("OPENAI_API_KEY", "sk-env")]).unwrap().config;
    assert_eq!(config.default_provider.as_deref(), Some("openai"));
    assert_eq!(
        config.providers[0].base_url.to_string(),
        "https://api.openai.com/v1"
    );
    assert_eq!(
        config.providers[0].keys[0].value.value.expose_secret(),
        "sk-env"
    );

    let own = [
        ("OPENAI_API_KEY", "sk-env"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:8/v1"),
    ];
    assert_eq!(from_env(&own).unwrap().config.providers[0].base_url.port, 8);

    let bad = [
        ("OPENAI_API_KEY", "sk canary"),
        ("OPENAI_BASE_URL", "ftp://x/sk-canary@"),
    ];
    let problems = from_env(&bad).unwrap_err();
    assert_eq!(problems.errors(), 2, "{problems}");
    assert!(!problems.to_string().contains("canary"), "{problems}");

    let url_only = from_env(&[("OPENAI_BASE_URL", "http://127.0.0.1:8/v1")]).unwrap();
    assert_eq!(url_only.warnings.warnings(), 1);
}

#[test]
fn with_a_file_only_the_file_names_providers() {
    let key = env(&[("OPENAI_API_KEY", "sk-env")]);
    let loaded = load(source("log = \"info\""), &key).unwrap();
    assert!(loaded.config.providers.is_empty() && loaded.config.sim.enabled);
    assert_eq!(loaded.config.default_provider, None);
    assert_eq!(loaded.warnings.warnings(), 1, "the unused key is told");
}

#[test]
fn sim_can_be_set_and_turned_off() {
    let text = "[providers.sim]\npool = { size = 50 }\ntimeouts = { idle = \"1s\" }\n";
    let sim = read(text).unwrap().config.sim;
    assert!(sim.enabled && sim.pool.size == 50 && sim.timeouts.idle == Duration::from_secs(1));
    assert_eq!(
        refused("default_provider = \"sim\"\n[providers.sim]\nenabled = false"),
        [
            "error 1:20 default_provider names no provider",
            "error 2:2 providers holds no provider at all",
        ]
    );
    assert_eq!(
        refused("[providers.sim]\nkind = \"openai\""),
        ["error 2:1 providers.sim.kind is not a known key"]
    );
}

#[test]
fn providers_keep_the_order_of_the_file() {
    let text = ["zeta", "alpha", "mid"]
        .map(|name| PROVIDER.replace("providers.m", &format!("providers.{name}")));
    let config = read(&text.concat()).unwrap().config;
    let names: Vec<_> = config
        .providers
        .iter()
        .map(|provider| &*provider.name)
        .collect();
    assert_eq!(names, ["zeta", "alpha", "mid"]);
}

#[test]
fn without_keys_only_loopback_is_served() {
    assert_eq!(
        refused("listen = \"0.0.0.0:7070\""),
        ["error 1:10 listen is not a loopback address, and there are no keys"]
    );
    let keys = "[auth]\nkeys = [\"env:GATE_KEY\"]\n";
    let text = format!("listen = \"0.0.0.0:7070\"\n{keys}");
    let loaded = load(source(&text), &env(&[("GATE_KEY", "a-key-of-good-length")])).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.config.auth.keys.len(), 1);

    let problems = load(
        Source {
            listen: Some("[::]:0".to_owned()),
            ..source("")
        },
        &env(&[("TIDEGATE_ADMIN_LISTEN", "10.0.0.1:1")]),
    )
    .unwrap_err();
    assert_eq!(problems.errors(), 2, "{problems}");

    let both = format!("listen = \"0.0.0.0:7071\"\n{keys}");
    let problems = load(source(&both), &env(&[("GATE_KEY", "a-key-of-good-length")])).unwrap_err();
    assert_eq!(
        brief(&problems),
        ["error tidegate.toml admin_listen is the address of `listen`"]
    );
}

#[test]
fn outside_the_recommended_ranges_is_a_warning() {
    let text = format!(
        "shutdown_timeout = \"1s\"\n{PROVIDER}pool = {{ size = 2500, queue = 5 }}\n\
         timeouts = {{ total = \"20m\" }}\n[auth]\nkeys = [\"short\"]\n"
    );
    assert_eq!(
        warned(&format!("default_provider = \"m\"\n{text}")),
        [
            "warning 2:20 shutdown_timeout is outside the recommended range",
            "warning 6:17 providers.m.pool.size is outside the recommended range",
            "warning 6:31 providers.m.pool.queue is outside the recommended range",
            "warning 7:22 providers.m.timeouts.total is outside the recommended range",
            "warning 9:9 auth.keys[0] is short enough to guess",
        ]
    );
}

#[test]
fn doubtful_addresses_are_warnings() {
    let text = "default_provider = \"m\"\n[providers.m]\nkind = \"openai\"\n";
    let far = format!("{text}base_url = \"http://10.0.0.9\"\nkeys = [{{ value = \"sk-x\" }}]\n");
    assert_eq!(
        warned(&far),
        [
            "warning 4:12 providers.m.base_url is not encrypted, and a key travels over it",
            "warning 4:12 providers.m.base_url has no path",
        ]
    );
    let keyless = format!("{text}base_url = \"https://api.example.org/v1\"\n");
    assert_eq!(
        warned(&keyless),
        ["warning 4:12 providers.m.base_url is another machine, and the provider has no keys"]
    );
    assert_eq!(
        warned(PROVIDER),
        ["warning 1:1 providers.m is reached by its name only"]
    );
}

#[test]
fn keys_have_distinct_names_and_usable_values() {
    let with = |keys: &str| format!("default_provider = \"m\"\n{PROVIDER}keys = {keys}\n");
    assert_eq!(
        warned(&with(
            "[{ name = \"a\", value = \"x\" }, { name = \"b\", value = \"y\" }]"
        )),
        [] as [&str; 0]
    );
    for (keys, what) in [
        (
            "[{ value = \"x\" }, { value = \"y\" }]",
            "has the name of another key",
        ),
        ("[{ value = \"\" }]", "is empty"),
        ("[{ value = \"a b\" }]", "has a space or a character"),
        (
            "[{ value = \"env:a-b\" }]",
            "does not name an environment variable",
        ),
    ] {
        let told = refused(&with(keys));
        assert!(
            told.iter().any(|line| line.contains(what)),
            "{keys}: {told:?}"
        );
    }
}

#[test]
fn files_are_named_where_they_cannot_be_read() {
    let at = |path: &str| Source {
        file: File::At(PathBuf::from(path)),
        ..Source::default()
    };
    let problems = load(at("no/such/file.toml"), &env(&[])).unwrap_err();
    assert!(
        problems.to_string().contains("--> no/such/file.toml"),
        "{problems}"
    );
    let variables = env(&[("TIDEGATE_CONFIG", "no/such/other.toml")]);
    let problems = load(Source::default(), &variables).unwrap_err();
    assert!(
        problems.to_string().contains("--> no/such/other.toml"),
        "{problems}"
    );
    let text = format!("default_provider = \"m\"\n{PROVIDER}ca_file = \"no/such/ca.pem\"\n");
    assert_eq!(
        refused(&text)[0],
        "error 5:11 providers.m.ca_file cannot be read"
    );
}

#[test]
fn p3_debug_shows_no_secret() {
    let text = ISSUE.replace("sk-x", "sk-canary-debug");
    let loaded = read(&text).unwrap();
    assert!(!format!("{loaded:?}").contains("canary"));
    assert!(!format!("{:?}", source(&text)).contains("canary"));
}

proptest! {
    #[test]
    fn p4_any_text_gives_a_configuration_or_problems(text in "(\\PC|[\\[\\]{}=\"'#.,\r\n\t])*") {
        let _ = read(&text).map_err(|problems| (problems.to_string(), problems.to_json()));
    }

    // Few bytes go at a time: more would make the secret the value of another key.
    #[test]
    fn p4_a_damaged_file_gives_a_configuration_or_problems(
        at in 0..ISSUE.len(),
        gone in 0..4_usize,
        put in "[\\[\\]{}=\"'#., \r\na0-]{0,4}",
    ) {
        let line = ISSUE[at..].find('\n').unwrap_or(0);
        let end = at + gone.min(line);
        let text = format!("{}{put}{}", &ISSUE[..at], &ISSUE[end..]);
        let text = text.replace("sk-x", "sk-canary-fuzz");
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.to_string().contains("canary"), "{text}\n{problems}");
            prop_assert!(!problems.to_json().to_string().contains("canary"), "{text}");
        }
    }
}
