//! Reads the Prometheus text form, strictly enough to notice a broken line.
//!
//! The conservation law of requests (INV-CONS) is checked here, from outside.

/// All samples of one scrape.
#[derive(Debug, Clone)]
pub struct Metrics(Vec<Sample>);

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    /// Reads a scrape.
    ///
    /// # Panics
    /// At a line that is neither a comment nor a sample.
    pub fn read(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(
            lines
                .map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}")))
                .collect(),
        )
    }

    /// The sum of the samples of `name` whose labels hold all of `labels`.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let of_name = self.0.iter().filter(|sample| sample.name == name);
        of_name
            .filter(|sample| sample.holds(labels))
            .map(|sample| sample.value)
            .sum()
    }

    /// True when there is any sample of `name`.
    pub fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|sample| sample.name == name)
    }

    /// The conservation law of requests; the message tells what it holds.
    ///
    /// # Errors
    /// The two sides when they differ.
    pub fn conserved(&self) -> Result<u64, String> {
        let received = self.sum("tidegate_requests_received_total", &[]);
        let in_flight = self.sum("tidegate_requests_in_flight", &[]);
        let ended = self.sum("tidegate_requests_total", &[]);
        if received == in_flight + ended {
            Ok(received as u64)
        } else {
            Err(format!(
                "received {received} != in flight {in_flight} + ended {ended}"
            ))
        }
    }
}

impl Sample {
    fn holds(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| {
            self.labels
                .iter()
                .any(|(known, has)| known == name && has == value)
        })
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return Some(Sample {
            name: series.to_owned(),
            labels: Vec::new(),
            value,
        });
    };
    let mut rest = labels.strip_suffix('}')?;
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"")?;
        let (text, after) = after.split_once('"')?;
        labels.push((label.to_owned(), text.to_owned()));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_by_labels_and_checks_the_law() {
        let metrics = Metrics::read(
            "# HELP x y\ntidegate_requests_received_total 5\ntidegate_requests_in_flight 2\n\
             tidegate_requests_total{class=\"completed\",label=\"completed\"} 1\n\
             tidegate_requests_total{class=\"failed\",label=\"upstream_error\"} 2\n",
        );
        assert_eq!(
            metrics.sum("tidegate_requests_total", &[("class", "failed")]),
            2.0
        );
        assert_eq!(metrics.conserved(), Ok(5));
        let broken = Metrics::read("tidegate_requests_received_total 1");
        assert!(broken.conserved().is_err());
    }
}
