//! The promises of `aws_lent.rs`, over questions and answers in the form that
//! Amazon has.

use super::*;

const ANSWER: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>system:serviceaccount:a:b</SubjectFromWebIdentityToken>
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>
    <Credentials>
      <SessionToken>to&#107;en-&quot;canary&quot;</SessionToken>
      <SecretAccessKey>secret/canary+=</SecretAccessKey>
      <Expiration>2026-11-21T22:00:00Z</Expiration>
      <AccessKeyId>ASIACANARY</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>"#;

const SERVICE: &str = r#"{"RoleArn":"arn:aws:iam::1:role/r","AccessKeyId":"ASIACANARY","SecretAccessKey":"secret/canary+=","Token":"token-\"canary\"","Expiration":"2026-11-21T22:00:00Z"}"#;

fn canary() -> Lent {
    Lent {
        access_key: "ASIACANARY".to_owned(),
        secret_key: "secret/canary+=".to_owned(),
        session_token: "token-\"canary\"".to_owned(),
        expires: 1_795_298_400_000,
    }
}

fn role() -> Role<'static> {
    Role {
        arn: "arn:aws:iam::123456789012:role/tide",
        session: "tidegate@a",
        external_id: None,
        seconds: None,
    }
}

#[test]
fn questions_are_forms() {
    assert_eq!(
        with_web_identity(&role(), "a.b-c_d~e+f=&"),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ftide&RoleSessionName=tidegate%40a\
         &WebIdentityToken=a.b-c_d~e%2Bf%3D%26"
    );
    let role = Role {
        external_id: Some("x y"),
        seconds: Some(900),
        ..role()
    };
    assert_eq!(
        assume_role(&role),
        "Action=AssumeRole&Version=2011-06-15\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ftide&RoleSessionName=tidegate%40a\
         &ExternalId=x%20y&DurationSeconds=900"
    );
}

#[test]
fn p1_four_things_are_read_in_any_order() {
    assert_eq!(read_role(ANSWER.as_bytes()), Ok(canary()));
    assert_eq!(read_service(SERVICE.as_bytes()), Ok(canary()));
    let machines = SERVICE.replace("{\"RoleArn\"", "{\"Code\":\"Success\",\"RoleArn\"");
    assert_eq!(read_service(machines.as_bytes()), Ok(canary()));
    let prefixed = ANSWER
        .replace("<Credentials", "<a:Credentials")
        .replace("</Credentials", "</a:Credentials");
    assert_eq!(read_role(prefixed.as_bytes()), Ok(canary()));
}

#[test]
fn p1_what_is_not_whole_is_none() {
    for (from, to, why) in [
        ("<Credentials>", "<Nothing>", Unread::Form),
        ("<AccessKeyId>", "<Other>", Unread::Form),
        ("ASIACANARY", " ", Unread::Lacks(ACCESS_KEY)),
        (
            "<AccessKeyId>ASIACANARY</AccessKeyId>",
            "",
            Unread::Lacks(ACCESS_KEY),
        ),
        ("2026-11-21T22:00:00Z", "soon", Unread::Time),
        ("secret/canary+=", "<b>x</b>", Unread::Form),
        ("&quot;", "&canary;", Unread::Form),
        (
            "<AssumeRoleWithWebIdentityResponse",
            "<!DOCTYPE a><AssumeRoleWithWebIdentityResponse",
            Unread::Form,
        ),
        (
            "<AccessKeyId>",
            "<AccessKeyId>x</AccessKeyId><AccessKeyId>",
            Unread::Twice(ACCESS_KEY),
        ),
    ] {
        let text = ANSWER.replacen(from, to, 1);
        assert_ne!(text, ANSWER, "{from}");
        assert_eq!(read_role(text.as_bytes()), Err(why), "{from} {to}");
    }
    for cut in 0..ANSWER.find("</Credentials>").unwrap() {
        assert!(read_role(&ANSWER.as_bytes()[..cut]).is_err(), "{cut}");
    }
    for (text, why) in [
        ("", Unread::Form),
        ("[]", Unread::Form),
        ("{}", Unread::Lacks(EXPIRES)),
        (r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#, Unread::None),
        (r#"{"Token":"a","Token":"b"}"#, Unread::Form),
        (
            r#"{"Expiration":"2026-11-21T22:00:00Z"}"#,
            Unread::Lacks(ACCESS_KEY),
        ),
    ] {
        assert_eq!(read_service(text.as_bytes()), Err(why), "{text}");
    }
}

#[test]
fn p2_no_part_of_it_is_shown() {
    assert_eq!(
        format!("{:?}", canary()),
        "Lent { expires: 1795298400000, .. }"
    );
    let wrong = ANSWER.replace("Expiration", "Canary");
    let told = read_role(wrong.as_bytes()).unwrap_err().to_string();
    assert!(!told.to_lowercase().contains("canary"), "{told}");
}

#[test]
fn a_refusal_is_a_word_and_a_sentence() {
    let refused = r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform &lt;that&gt;</Message></Error><RequestId>r</RequestId></ErrorResponse>"#;
    let (code, message) = read_refusal(refused.as_bytes()).unwrap();
    assert_eq!(code, "AccessDenied");
    assert_eq!(message.as_deref(), Some("Not authorized to perform <that>"));
    let odd = refused.replace("AccessDenied", "Access\nDenied");
    assert_eq!(read_refusal(odd.as_bytes()), None);
    assert_eq!(read_refusal(b"<html><body>502"), None);
    assert_eq!(read_refusal(ANSWER.as_bytes()), None);
}
