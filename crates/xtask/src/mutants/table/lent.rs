//! Mutants of credentials that are lent: when they are fetched, how often, and who
//! sees what of them.

use super::{Mutant, request, served, wire};

const ACCOUNT: &str = "crates/gateway/src/upstream/account/mod.rs";

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "lent: one that has ended signs",
        file: ACCOUNT,
        before: "        now < self.ends && unix < self.ends_unix\n",
        after: "        let _ = (now < self.ends && unix < self.ends_unix,);\n        true\n",
        caught_by: &[request("lent::one_that_has_ended_signs_nothing")],
        why: "each call is refused from the end of the first credential on",
    },
    Mutant {
        name: "lent: everybody fetches",
        file: ACCOUNT,
        before: "let flown = self.flights.run((), move || lender.fetch()).await;",
        after: "let flown = lender.fetch().await.map_err(OnceError::Failed);",
        caught_by: &[request("lent::a_hundred_who_have_none_fetch_once")],
        why: "account promise 2: a start under load is throttled by the token service",
    },
    Mutant {
        name: "lent: calls wait for the next one",
        file: ACCOUNT,
        before: ".filter(|lent| lent.is_good(now, unix))?;",
        after: ".filter(|lent| lent.is_good(now, unix) && now < lent.renew)?;",
        caught_by: &[request(
            "lent::nobody_waits_for_the_next_one_while_the_last_is_good",
        )],
        why: "account promise 1: five minutes of every hour hang on the token service",
    },
    Mutant {
        name: "lent: a lender that is down is asked each time",
        file: ACCOUNT,
        before: "const PAUSE: Duration = Duration::from_secs(1);",
        after: "const PAUSE: Duration = Duration::ZERO;",
        caught_by: &[request(
            "lent::a_lender_that_is_down_is_told_and_comes_back_by_itself",
        )],
        why: "account promise 3: every request is one more for a service that fails",
    },
    Mutant {
        name: "lent: each refusal fetches anew",
        file: ACCOUNT,
        before: "const TRUSTED: Duration = Duration::from_secs(60);",
        after: "const TRUSTED: Duration = Duration::ZERO;",
        caught_by: &[request("lent::one_that_is_refused_is_fetched_anew")],
        why: "who asks for a model that he may not have makes everybody wait",
    },
    Mutant {
        name: "lent: a fetch that failed takes the key out",
        file: "crates/gateway/src/consequence.rs",
        before: "(Verdict::Neutral, None, KeyIs::Unknown, once(1))",
        after: "(Verdict::Neutral, None, KeyIs::Refused, once(1))",
        caught_by: &[request(
            "lent::a_lender_that_is_down_is_told_and_comes_back_by_itself",
        )],
        why: "a second of the token service's is half a minute of ours",
    },
    Mutant {
        name: "lent: what the token service repeats is logged",
        file: "crates/gateway/src/upstream/account/steps.rs",
        before: "redact(&message.unwrap_or_default(), hidden)",
        after: "redact(&message.unwrap_or_default(), &hidden[..0])",
        caught_by: &[request("lent::what_is_wrong_is_told_with_what_to_do")],
        why: "INV-SECRET: the token of a web identity in the log",
    },
    Mutant {
        name: "lent: what is lent may be repeated",
        file: "crates/gateway/src/keys.rs",
        before: "let lent = self.lender.iter().flat_map(|lender| lender.lent());",
        after: "let lent = self.lender.iter().take(0).flat_map(|lender| lender.lent());",
        caught_by: &[request(
            "lent::inv_secret_a_credential_that_its_upstream_repeats_is_hidden",
        )],
        why: "INV-SECRET: callers see the session token of the account",
    },
    Mutant {
        name: "lent: a container's token goes anywhere",
        file: "crates/server/src/config/aws/services.rs",
        before: "if !base.tls && !base.is_loopback() && !is_link {",
        after: "if !base.tls && !base.is_loopback() && !is_link && base.host.is_empty() {",
        caught_by: &[served(
            "config::tests::bedrock::lent::what_a_source_lacks_is_told",
        )],
        why: "services' promise: a variable sends the account's token in the clear",
    },
    Mutant {
        name: "lent: roles are taken from the far end",
        file: "crates/server/src/config/aws/chain.rs",
        before: "    roles.reverse();\n",
        after: "    let _ = roles.reverse();\n    roles.reverse();\n",
        caught_by: &[served(
            "config::tests::bedrock::lent::a_profile_is_a_credential_or_a_chain_to_one",
        )],
        why: "a role is asked for by whom it does not trust",
    },
    Mutant {
        name: "lent: of two keys the last one counts",
        file: "crates/wire/src/aws_lent/xml.rs",
        before: "if place.replace(text).is_some() {",
        after: "if place.replace(text).is_some() && names.is_empty() {",
        caught_by: &[wire("aws_lent::tests::p1_what_is_not_whole_is_none")],
        why: "aws_lent promise 1: two readers of one answer sign as two accounts",
    },
];
