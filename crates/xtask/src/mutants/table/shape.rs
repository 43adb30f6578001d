//! Mutants of shapes: which document is taken, what it is turned into, and what a
//! watch is sure of.

use super::{Mutant, shaped};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "shape: digits that a float does not keep are dropped",
        file: "crates/shape/src/turn.rs",
        before: "digits_of(text) <= KEPT);",
        after: "digits_of(text) <= 2 * KEPT);",
        caught_by: &[shaped("coercion::r_g8_nothing_is_lost_or_made_up")],
        why: "R-G8: an amount that is off by a little, and looks right",
    },
    Mutant {
        name: "shape: the digits of a number are forgotten",
        file: "crates/shape/src/coerce.rs",
        before: "        let digits = self.digits.get(&self.at).map(String::as_str);\n",
        after: "        let digits = self.digits.get(\"\").map(String::as_str);\n",
        caught_by: &[shaped(
            "coercion::r_g8_a_value_becomes_the_type_that_is_asked_for",
        )],
        why: "R-G8: version 1.10 is told as 1.1",
    },
    Mutant {
        name: "shape: what was coerced is not judged again",
        file: "crates/shape/src/schema.rs",
        before: "if !self.validator.is_valid(&coerced) {",
        after: "if coerced == *document {",
        caught_by: &[
            shaped("coercion::r_g8_bounds_hold_for_the_coerced_value"),
            shaped("watching::r_g8_what_is_coerced_fits_strictly"),
        ],
        why: "R-G8: \"999\" is an age of at most 65, as it was in Go-LLMs",
    },
    Mutant {
        name: "shape: a broken document's inside is the answer",
        file: "crates/shape/src/extract.rs",
        before: "_ => self.at = start + close(rest).unwrap_or(rest.len()),",
        after: "_ => self.at = start + close(rest).map_or(1, |_| 1),",
        caught_by: &[shaped("extraction::prose_is_not_the_answer")],
        why: "a part of what was meant looks like all of it",
    },
    Mutant {
        name: "shape: a property that stands twice is taken",
        file: "crates/shape/src/read.rs",
        before: "if again && self.twice.is_none() {",
        after: "if again && self.twice.is_some() {",
        caught_by: &[
            shaped("coercion::r_g8_nothing_is_lost_or_made_up"),
            shaped("schemas::what_is_no_schema_is_refused_with_its_place"),
        ],
        why: "what was judged is not what the caller reads",
    },
    Mutant {
        name: "shape: a watch complains of a number that may be left out",
        file: "crates/shape/src/watch/mod.rs",
        before: "let number = container.is_none() && kind == Scalar::Number;",
        after: "let number = container.is_some() && kind == Scalar::Number;",
        caught_by: &[shaped(
            "watching::the_first_violation_is_told_where_it_shows",
        )],
        why: "watch promise 1: an answer is ended that would have fitted",
    },
    Mutant {
        name: "shape: a watch takes words in brackets for the document",
        file: "crates/shape/src/watch/mod.rs",
        before: "            certain: false,\n",
        after: "            certain: true,\n",
        caught_by: &[shaped("watching::what_may_be_mended_is_not_complained_of")],
        why: "watch promise 2: an answer is ended before its document came",
    },
    Mutant {
        name: "shape: the schema that is asked for most leaves first",
        file: "crates/shape/src/schemas.rs",
        before: "shelf.put(text, Entry { age: now, ..entry });",
        after: "shelf.put(text, Entry { age: entry.age.min(now), ..entry });",
        caught_by: &[shaped(
            "schemas::r_g7_a_text_is_compiled_once_and_the_oldest_leaves",
        )],
        why: "R-G7: the hottest schema is compiled again and again",
    },
];
