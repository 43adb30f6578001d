//! Readers of numbers: counts, sizes and times within a range, and parts of a whole.
//!
//! Promise: a value outside its range is an error that says the range, one
//! outside the recommended range is taken with a warning (R-D6).

use std::marker::PhantomData;
use std::time::Duration;

use toml::de::DeValue;

use super::super::form::{Form, Measure, Range};
use super::super::reading::Reading;
use super::super::table::{Node, Reader, Shown};
use super::super::units::{parse_duration, parse_size};
use super::shown;

/// A kind of number: how it is written and shown.
pub(in crate::config) trait Unit {
    type Value: Copy + PartialOrd;
    const MEASURE: Measure;
    fn parse(node: &Node<'_>) -> Result<Self::Value, Unfit>;
    /// In things, bytes or milliseconds.
    fn whole(value: Self::Value) -> u64;
}

/// Why a value is not a number of its kind.
pub(in crate::config) enum Unfit {
    /// Another type, or a text of another form.
    Form,
    /// The right form, and below zero or beyond 64 bits.
    Range,
}

/// Whole numbers.
pub(in crate::config) struct Count;
/// Bytes.
pub(in crate::config) struct Bytes;
/// Durations.
pub(in crate::config) struct Time;

impl Unit for Count {
    type Value = u64;
    const MEASURE: Measure = Measure::Count;

    fn parse(node: &Node<'_>) -> Result<u64, Unfit> {
        let DeValue::Integer(number) = node.get_ref() else {
            return Err(Unfit::Form);
        };
        u64::from_str_radix(number.as_str(), number.radix()).map_err(|error| {
            let below_zero = number.as_str().starts_with('-');
            let beyond = *error.kind() == std::num::IntErrorKind::PosOverflow;
            if below_zero || beyond {
                Unfit::Range
            } else {
                Unfit::Form
            }
        })
    }

    fn whole(value: u64) -> u64 {
        value
    }
}

impl Unit for Bytes {
    type Value = u64;
    const MEASURE: Measure = Measure::Size;

    fn parse(node: &Node<'_>) -> Result<u64, Unfit> {
        match node.get_ref() {
            DeValue::String(text) => parse_size(text).ok_or(Unfit::Form),
            _ => Count::parse(node),
        }
    }

    fn whole(value: u64) -> u64 {
        value
    }
}

impl Unit for Time {
    type Value = Duration;
    const MEASURE: Measure = Measure::Time;

    fn parse(node: &Node<'_>) -> Result<Duration, Unfit> {
        node.get_ref()
            .as_str()
            .and_then(parse_duration)
            .ok_or(Unfit::Form)
    }

    fn whole(value: Duration) -> u64 {
        u64::try_from(value.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A number between two others, perhaps with a narrower recommended range.
pub(in crate::config) struct Bounded<U: Unit> {
    min: U::Value,
    max: U::Value,
    advised: Option<(U::Value, U::Value)>,
    unit: PhantomData<U>,
}

fn bounded<U: Unit>(min: U::Value, max: U::Value) -> Bounded<U> {
    Bounded {
        min,
        max,
        advised: None,
        unit: PhantomData,
    }
}

pub(in crate::config) fn count(min: u64, max: u64) -> Bounded<Count> {
    bounded(min, max)
}

pub(in crate::config) fn size(min: u64, max: u64) -> Bounded<Bytes> {
    bounded(min, max)
}

pub(in crate::config) fn time(min: Duration, max: Duration) -> Bounded<Time> {
    bounded(min, max)
}

impl<U: Unit> Bounded<U> {
    pub(in crate::config) fn advised(mut self, min: U::Value, max: U::Value) -> Self {
        self.advised = Some((min, max));
        self
    }

    fn range(&self, or_zero: bool) -> Range {
        Range {
            measure: U::MEASURE,
            min: U::whole(self.min),
            max: U::whole(self.max),
            advised: self
                .advised
                .map(|(min, max)| (U::whole(min), U::whole(max))),
            or_zero,
        }
    }

    fn read_value(&self, node: &Node<'_>, or_zero: bool, cx: &mut Reading<'_>) -> Option<U::Value> {
        cx.plain(node);
        let fits = |value: U::Value| {
            (self.min <= value && value <= self.max) || (or_zero && U::whole(value) == 0)
        };
        let value = match U::parse(node) {
            Ok(value) if fits(value) => value,
            Ok(_) | Err(Unfit::Range) => {
                cx.error(node.span(), "is out of range")
                    .found(shown(node))
                    .expected(Form::Range(self.range(or_zero)).expected());
                return None;
            }
            Err(Unfit::Form) => {
                cx.unfit(node, &Form::Range(self.range(or_zero)).expected());
                return None;
            }
        };
        if let Some((min, max)) = self.advised
            && !(min <= value && value <= max)
        {
            let show = |value| U::MEASURE.show(U::whole(value));
            cx.warning(node.span(), "is outside the recommended range")
                .found(show(value))
                .expected(format!("{} to {}", show(min), show(max)));
        }
        Some(value)
    }
}

/// A kind of number that a key of type `T` can hold.
pub(in crate::config) trait Holds<T>: Unit {
    /// `None` beyond the type; the key's range lies within it.
    fn held(value: Self::Value) -> Option<T>;
    fn value(held: &T) -> Self::Value;
}

impl<T: TryFrom<u64> + TryInto<u64> + Copy> Holds<T> for Count {
    fn held(value: u64) -> Option<T> {
        T::try_from(value).ok()
    }

    fn value(held: &T) -> u64 {
        (*held).try_into().unwrap_or(u64::MAX)
    }
}

impl<T: TryFrom<u64> + TryInto<u64> + Copy> Holds<T> for Bytes {
    fn held(value: u64) -> Option<T> {
        Count::held(value)
    }

    fn value(held: &T) -> u64 {
        Count::value(held)
    }
}

impl Holds<Duration> for Time {
    fn held(value: Duration) -> Option<Duration> {
        Some(value)
    }

    fn value(held: &Duration) -> Duration {
        *held
    }
}

/// A number of things as a value of the file.
fn show<U: Unit>(whole: u64) -> Shown {
    match U::MEASURE {
        Measure::Count => Shown::Count(whole),
        Measure::Size | Measure::Time => Shown::Text(U::MEASURE.show(whole)),
    }
}

impl<T, U: Holds<T>> Reader<T> for Bounded<U> {
    fn form(&self) -> Form {
        Form::Range(self.range(false))
    }

    fn show(&self, value: &T) -> Shown {
        show::<U>(U::whole(U::value(value)))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        self.read_value(node, false, cx).and_then(U::held)
    }
}

/// A number whose zero means that there is none.
pub(in crate::config) struct OffAtZero<U: Unit>(pub(in crate::config) Bounded<U>);

impl<U: Unit> Reader<Option<U::Value>> for OffAtZero<U> {
    fn form(&self) -> Form {
        Form::Range(self.0.range(true))
    }

    fn show(&self, value: &Option<U::Value>) -> Shown {
        show::<U>(value.map_or(0, U::whole))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<U::Value>> {
        let value = self.0.read_value(node, true, cx)?;
        Some(Some(value).filter(|value| U::whole(*value) != 0))
    }
}

/// A part of a whole, from 0 to 1.
pub(in crate::config) struct Ratio;

impl Reader<f64> for Ratio {
    fn form(&self) -> Form {
        Form::Ratio
    }

    fn show(&self, value: &f64) -> Shown {
        Shown::Ratio(*value)
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<f64> {
        float(node, 1.0, &Form::Ratio, cx)
    }
}

/// US dollars a million tokens.
pub(in crate::config) struct Price;

impl Reader<f64> for Price {
    fn form(&self) -> Form {
        Form::Price
    }

    fn show(&self, value: &f64) -> Shown {
        Shown::Ratio(*value)
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<f64> {
        float(node, 1_000_000.0, &Form::Price, cx)
    }
}

/// A number from 0 to `most`.
fn float(node: &Node<'_>, most: f64, form: &Form, cx: &mut Reading<'_>) -> Option<f64> {
    cx.plain(node);
    let number: Option<f64> = match node.get_ref() {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        _ => None,
    };
    let Some(number) = number else {
        cx.unfit(node, &form.expected());
        return None;
    };
    if !(0.0..=most).contains(&number) {
        cx.error(node.span(), "is out of range")
            .found(shown(node))
            .expected(form.expected());
        return None;
    }
    Some(number)
}
