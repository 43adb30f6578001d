//! `/metrics` in the Prometheus text form, pulled from every noun.
//!
//! Samples of one name stand together under one `HELP` and `TYPE`, whoever
//! told them and in whatever order, as the format asks.

use std::collections::BTreeMap;
use std::fmt::Write;

use http::{Response, StatusCode};
use kernel::{Counter, Gauge, Labels, Metric, Observe, Visitor};
use tidegate_kernel as kernel;

use super::app::App;
use super::reply::{Out, whole};

pub(crate) fn metrics(app: &App) -> Response<Out> {
    let mut page = Page::default();
    app.observe(&[], &mut page);
    whole(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        page.render(),
    )
}

/// The samples of one page by name.
#[derive(Default)]
struct Page {
    families: BTreeMap<&'static str, Family>,
}

struct Family {
    help: &'static str,
    kind: &'static str,
    lines: String,
}

impl Page {
    fn sample(
        &mut self,
        metric: Metric,
        kind: &'static str,
        labels: &Labels<'_>,
        value: &dyn std::fmt::Display,
    ) {
        debug_assert!(metric.has_its_own(labels), "{metric:?} with {labels:?}");
        let fresh = || Family {
            help: metric.help,
            kind,
            lines: String::new(),
        };
        let family = self.families.entry(metric.name).or_insert_with(fresh);
        line(&mut family.lines, metric.name, labels, value);
    }

    fn render(self) -> String {
        let mut text = String::new();
        for (name, family) in self.families {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {}", family.help);
            let _ = writeln!(text, "# TYPE {name} {}", family.kind);
            text.push_str(&family.lines);
        }
        text
    }
}

impl Visitor for Page {
    fn counter(&mut self, Counter(metric): Counter, labels: &Labels<'_>, value: u64) {
        self.sample(metric, "counter", labels, &value);
    }

    fn gauge(&mut self, Gauge(metric): Gauge, labels: &Labels<'_>, value: f64) {
        self.sample(metric, "gauge", labels, &value);
    }
}

fn line(out: &mut String, name: &str, labels: &Labels<'_>, value: &dyn std::fmt::Display) {
    out.push_str(name);
    for (index, (label, text)) in labels.iter().enumerate() {
        let open = if index == 0 { '{' } else { ',' };
        let text = text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let _ = write!(out, "{open}{label}=\"{text}\"");
    }
    if !labels.is_empty() {
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &'static str, help: &'static str) -> Metric {
        let labels = &[];
        Metric { name, labels, help }
    }

    #[test]
    fn samples_of_a_name_stand_together_and_labels_are_escaped() {
        let mut page = Page::default();
        let (a, b) = (metric("a", "A."), metric("b_total", "B."));
        page.counter(Counter(b), &[("x", "a\"b\\c\nd"), ("y", "1")], 3);
        page.gauge(Gauge(a), &[], 1.5);
        page.counter(Counter(b), &[], 4);
        let expected = "# HELP a A.\n# TYPE a gauge\na 1.5\n# HELP b_total B.\n\
                        # TYPE b_total counter\nb_total{x=\"a\\\"b\\\\c\\nd\",y=\"1\"} 3\nb_total 4\n";
        assert_eq!(page.render(), expected);
    }
}
