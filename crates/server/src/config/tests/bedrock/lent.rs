//! Accounts whose credential is lent: which source is found among variables and
//! the files that all of Amazon's programs share, and what is told where none is.

use std::path::Path;

use tidegate_testkit::gate::Folder;

use super::*;

const PLAIN: &str =
    "default_provider = \"b\"\n[providers.b]\nkind = \"bedrock\"\nregion = \"eu-central-1\"\n";
const ROLE: &str = "arn:aws:iam::123456789012:role/tide";

const WEB: &[(&str, &str)] = &[
    ("AWS_ROLE_ARN", ROLE),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/null"),
];
const CONTAINER: &[(&str, &str)] = &[
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://169.254.170.23/v1/credentials",
    ),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/token"),
];
const KEYS: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "AKIACANARY"),
    ("AWS_SECRET_ACCESS_KEY", "secret-canary"),
];

/// A home folder with these two files.
fn home(config: &str, credentials: &str) -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    folder.file(".aws/config", config);
    folder.file(".aws/credentials", credentials);
    folder
}

fn with(lines: &str, more: &[(&str, &str)], home: Option<&Path>) -> Result<Loaded, Problems> {
    let mut env = env(more);
    env.extend(home.map(|home| ("HOME".to_owned(), home.display().to_string())));
    load(source(&format!("{PLAIN}{lines}")), &env)
}

/// What signs, in words; the warnings must be none.
fn found(lines: &str, more: &[(&str, &str)], home: Option<&Path>) -> String {
    let loaded = with(lines, more, home).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let provider = &loaded.config.providers[0];
    let shown = format!("{provider:?}").to_lowercase();
    assert!(!shown.contains("canary"), "{shown}");
    provider.account.as_ref().unwrap().to_string()
}

fn problem(lines: &str, more: &[(&str, &str)], home: Option<&Path>) -> String {
    let text = with(lines, more, home).unwrap_err().to_string();
    assert!(!text.to_lowercase().contains("canary"), "{text}");
    text
}

#[test]
fn p1_the_first_source_is_found_in_amazons_order() {
    let folder = home(
        "",
        "[default]\naws_access_key_id = A\naws_secret_access_key = B\n",
    );
    let token = folder.file("token", "t").display().to_string();
    let web = [
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
    ];
    let all = [CONTAINER, &web, KEYS].concat();
    assert_eq!(
        found("", &all, Some(folder.path())),
        "an access key (AWS_ACCESS_KEY_ID)"
    );
    let lent = [CONTAINER, &web].concat();
    assert_eq!(
        found("", &lent, Some(folder.path())),
        format!("role {ROLE} by web identity ({token})")
    );
    assert_eq!(
        found("", CONTAINER, Some(folder.path())),
        "profile `default`: an access key"
    );
    let container = "the container's service (http://169.254.170.23)";
    assert_eq!(found("", CONTAINER, None), container);
    // What the table says wins.
    for (lines, expected) in [
        ("credentials = \"container\"", container),
        (
            "credentials = \"machine\"",
            "the machine's service (http://169.254.169.254)",
        ),
        ("profile = \"default\"", "profile `default`: an access key"),
    ] {
        assert_eq!(found(lines, &all, Some(folder.path())), expected);
    }
    let taken = format!("role = \"{ROLE}\"");
    let api_key = [KEYS, &[("AWS_BEARER_TOKEN_BEDROCK", "canary")]].concat();
    assert_eq!(
        found(&taken, &api_key, None),
        format!("an access key (AWS_ACCESS_KEY_ID), then role {ROLE}")
    );
}

#[test]
fn a_profile_is_a_credential_or_a_chain_to_one() {
    let config = format!(
        "[profile tide]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = x\n\
         duration_seconds = 900\nrole_session_name = tide@1\n\
         [profile base]\nrole_arn = {ROLE}-base\nsource_profile = base\n\
         [profile web]\nrole_arn = {ROLE}\nweb_identity_token_file = /a/b\n\
         [profile pod]\nrole_arn = {ROLE}\ncredential_source = EcsContainer\n\
         [profile shell]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
    );
    let folder = home(
        &config,
        "[base]\naws_access_key_id = AKIACANARY\naws_secret_access_key = secret-canary\n\
         aws_session_token = token-canary\n",
    );
    let home = Some(folder.path());
    for (name, expected) in [
        (
            "tide",
            format!("an access key, then role {ROLE}-base, then role {ROLE}"),
        ),
        ("web", format!("role {ROLE} by web identity (/a/b)")),
        (
            "pod",
            format!("the container's service (http://169.254.170.23), then role {ROLE}"),
        ),
        (
            "shell",
            format!("an access key (AWS_ACCESS_KEY_ID), then role {ROLE}"),
        ),
    ] {
        let lines = format!("profile = \"{name}\"");
        let more = [CONTAINER, KEYS].concat();
        assert_eq!(
            found(&lines, &more, home),
            format!("profile `{name}`: {expected}")
        );
    }
    let loaded = with("", &[("AWS_PROFILE", "tide")], home).unwrap();
    let account = loaded.config.providers[0].account.clone().unwrap();
    let last = account.roles.last().unwrap();
    assert_eq!(last.external_id.as_deref(), Some("x"));
    assert_eq!((last.seconds, &*last.session), (Some(900), "tide@1"));
    let AccountSource::Keys { session_token, .. } = &account.source else {
        panic!("{account:?}");
    };
    assert!(session_token.is_some());
}

#[test]
fn a_profile_that_does_not_lead_to_one_says_why() {
    let config = format!(
        "[profile a]\nrole_arn = {ROLE}\nsource_profile = b\n\
         [profile b]\nrole_arn = {ROLE}\nsource_profile = a\n\
         [profile mfa]\nrole_arn = {ROLE}\nmfa_serial = x\nsource_profile = a\n\
         [profile sso]\nsso_session = canary\n\
         [profile half]\naws_access_key_id = AKIACANARY\n\
         [profile lone]\nrole_arn = {ROLE}\n\
         [profile no]\nrole_arn = canary\nsource_profile = a\n\
         [profile gone]\nrole_arn = {ROLE}\nsource_profile = nobody\n"
    );
    let folder = home(&config, "");
    for (name, word) in [
        ("a", "comes back to `a`"),
        ("mfa", "mfa_serial"),
        ("sso", "`sso_session` is not for a server"),
        ("half", "no whole credential"),
        ("lone", "source_profile"),
        ("no", "is no role"),
        ("gone", "the profile `nobody`, which is not there"),
        ("nobody", ".aws/credentials"),
    ] {
        let text = problem("", &[("AWS_PROFILE", name)], Some(folder.path()));
        assert!(text.contains(word), "{name}: {text}");
        assert!(text.contains("AWS_PROFILE"), "{name}: {text}");
        let lines = format!("profile = \"{name}\"");
        let text = problem(&lines, KEYS, Some(folder.path()));
        assert!(text.contains(word), "{name}: {text}");
    }
    // The usual one was not asked for: what else there is counts.
    let folder = home("[default]\ncredential_process = canary\n", "");
    let lent = found("", CONTAINER, Some(folder.path()));
    assert!(lent.contains("container"), "{lent}");
    let text = problem("", &[], Some(folder.path()));
    assert!(text.contains("credential_process"), "{text}");
    assert!(text.contains("has no credential"), "{text}");
    let folder = home("[default]\nregion = us-west-2\n", "");
    let text = problem("", &[], Some(folder.path()));
    assert!(!text.contains("shared files"), "{text}");
}

#[test]
fn a_region_may_be_a_profiles() {
    let folder = home(
        "[default]\nregion = us-west-2\n[profile x]\nregion = ap-south-1\n",
        "",
    );
    let home = folder.path().display().to_string();
    let text = PLAIN.replace("region = \"eu-central-1\"\n", "");
    for (more, region) in [
        (&[][..], "us-west-2"),
        (&[("AWS_PROFILE", "x")], "ap-south-1"),
        (&[("AWS_REGION", "eu-west-1")], "eu-west-1"),
    ] {
        let keyed = [KEYS, more, &[("HOME", &*home)]].concat();
        // An access key wins over the profile; its region does not come along.
        let loaded = load(source(&text), &env(&keyed)).unwrap();
        let provider = &loaded.config.providers[0];
        assert_eq!(provider.region.as_deref(), Some(region));
        let host = format!("bedrock-runtime.{region}.amazonaws.com");
        assert_eq!(provider.base_url.host, host);
        let sts = provider.account.as_ref().unwrap().sts.to_string();
        assert_eq!(sts, format!("https://sts.{region}.amazonaws.com"));
    }
}

#[test]
fn what_a_source_lacks_is_told() {
    for (more, word) in [
        (&WEB[1..], "needs AWS_ROLE_ARN"),
        (
            &[WEB[1], ("AWS_ROLE_ARN", "canary")],
            "AWS_ROLE_ARN is no role",
        ),
        (
            &[WEB[0], WEB[1], ("AWS_ROLE_SESSION_NAME", "a b")],
            "AWS_ROLE_SESSION_NAME",
        ),
        (
            &[WEB[0], WEB[1], ("AWS_ENDPOINT_URL_STS", "canary")],
            "AWS_ENDPOINT_URL_STS",
        ),
        (
            &[(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "http://canary.example/",
            )],
            "neither https nor an address of this machine",
        ),
        (
            &[(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "http://169.254.170.2@canary/",
            )],
            "has credentials",
        ),
        (
            &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "canary")],
            "is no path",
        ),
        (
            &[CONTAINER[0], ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\nb")],
            "cannot stand in a header",
        ),
    ] {
        let text = problem("", more, None);
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn what_the_table_says_and_cannot_mean_is_told() {
    for (lines, more, word) in [
        (
            "credentials = \"web_identity\"",
            &[][..],
            "needs AWS_WEB_IDENTITY",
        ),
        ("credentials = \"container\"", &[], "and neither is set"),
        (
            "credentials = \"machine\"",
            &[("AWS_EC2_METADATA_DISABLED", "True")],
            "AWS_EC2_METADATA_DISABLED",
        ),
        ("role = \"arn:aws:iam::1:role/x\"", KEYS, "cannot be read"),
        (
            "keys = [{ value = \"canary\" }]\nprofile = \"x\"",
            &[],
            "stands beside `keys`",
        ),
        (
            "keys = [{ value = \"canary\" }]\nrole = \"arn:aws:iam::123456789012:role/x\"",
            &[],
            "stands beside `keys`",
        ),
        (
            "access_key = \"canary\"\nsecret_key = \"canary\"\ncredentials = \"machine\"",
            &[],
            "stands beside `access_key`",
        ),
    ] {
        let text = problem(lines, more, None);
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn what_is_doubtful_about_a_source_is_told() {
    let told = with("", WEB, None).unwrap();
    assert_eq!(
        brief(&told.warnings),
        [
            "warning environment variable AWS_WEB_IDENTITY_TOKEN_FILE providers.b.credentials has no \
          token in AWS_WEB_IDENTITY_TOKEN_FILE yet"
        ]
    );
    let other = "credentials = \"container\"\nprofile = \"x\"";
    assert_eq!(
        brief(&with(other, CONTAINER, None).unwrap().warnings),
        ["warning 6:11 providers.b.profile has no effect with these `credentials`"]
    );
    let clear = [CONTAINER, &[("AWS_ENDPOINT_URL_STS", "http://sts.example")]].concat();
    assert_eq!(
        brief(&with("", &clear, None).unwrap().warnings),
        ["warning 2:1 providers.b takes credentials from a token service that is not encrypted"]
    );
}

#[test]
fn p2_the_shared_files_are_followed() {
    let keys = "[default]\naws_access_key_id = A\naws_secret_access_key = B\n";
    let folder = home("", keys);
    let file = folder.file("tidegate.toml", PLAIN);
    let home = folder.path().display().to_string();
    let followed = |env: &BTreeMap<String, String>| {
        let source = Source {
            file: File::At(file.clone()),
            ..Source::default()
        };
        let seen = look(source, env).seen;
        let paths = seen.iter().map(|seen| seen.path.display().to_string());
        paths.filter(|path| path.contains(".aws")).count()
    };
    assert_eq!(followed(&env(&[("HOME", &home)])), 2);
    assert_eq!(followed(&env(KEYS)), 0);
    // One that is asked for may come yet.
    let nowhere = [("HOME", "/nowhere"), ("AWS_PROFILE", "x")];
    assert_eq!(followed(&env(&nowhere)), 2);
}

#[test]
fn p3_what_is_printed_finds_the_same() {
    let folder = home(
        "",
        "[default]\naws_access_key_id = AKIACANARY\naws_secret_access_key = canary\n",
    );
    let home = folder.path().display().to_string();
    let home = [("HOME", &*home)];
    let role = format!("role = \"{ROLE}\"");
    for (lines, more, line) in [
        ("", CONTAINER, "credentials = \"container\""),
        ("", WEB, "credentials = \"web_identity\""),
        ("", &home[..], "profile = \"default\""),
        (&*role, &home[..], "profile = \"default\""),
        ("profile = \"default\"", &home, "profile = \"default\""),
    ] {
        let variables = env(more);
        let text = format!("{PLAIN}{lines}");
        let (before, printed) = load_effective(source(&text), &variables).unwrap();
        let printed = printed.to_toml();
        assert!(printed.contains(line), "{line}\n{printed}");
        assert!(!printed.to_lowercase().contains("canary"), "{printed}");
        let after = load(source(&printed), &variables).unwrap();
        let told = |loaded: &Loaded| {
            loaded.config.providers[0]
                .account
                .clone()
                .unwrap()
                .to_string()
        };
        assert_eq!(told(&after), told(&before));
    }
}
