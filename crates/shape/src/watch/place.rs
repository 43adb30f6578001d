//! Where a watch is: the containers that are open, and what is asked of each.
//!
//! It holds as much as there are containers open, each with its last key and the
//! names that it requires.

use std::collections::BTreeSet;

use crate::graph::Id;
use crate::machine::{Container, MAX_DEPTH};
use crate::pointer::{push, push_index};

/// An open container.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) container: Container,
    /// What is asked of it, all together; nothing, where nothing is sure.
    pub(super) asked: Vec<Id>,
    /// Values that are over.
    pub(super) count: usize,
    /// The name of the member that is open.
    pub(super) key: String,
    /// Of the names that must be there, those that are.
    pub(super) seen: BTreeSet<String>,
}

impl Frame {
    pub(super) fn new(container: Container, asked: Vec<Id>) -> Self {
        Self {
            container,
            asked,
            count: 0,
            key: String::new(),
            seen: BTreeSet::new(),
        }
    }
}

/// The way from the root to where it is.
#[derive(Debug, Default)]
pub(super) struct Way {
    frames: Vec<Frame>,
    /// What is asked of the open scalar.
    scalar: Vec<Id>,
    /// Whether it is inside the value that comes next in the innermost frame.
    inside: bool,
}

impl Way {
    pub(super) fn top(&self) -> Option<&Frame> {
        self.frames.last()
    }

    pub(super) fn top_mut(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

    /// The last key.
    pub(super) fn key(&self) -> String {
        self.top()
            .map(|frame| frame.key.clone())
            .unwrap_or_default()
    }

    pub(super) fn open(&mut self, frame: Frame) {
        debug_assert!(
            self.frames.len() < MAX_DEPTH,
            "the machine has the same bound"
        );
        self.frames.push(frame);
        self.inside = false;
    }

    pub(super) fn close(&mut self) {
        self.frames.pop();
    }

    /// A value of the innermost container is over.
    pub(super) fn step(&mut self) {
        self.inside = false;
        if let Some(frame) = self.frames.last_mut() {
            frame.count += 1;
        }
    }

    pub(super) fn enter(&mut self) {
        self.inside = true;
    }

    pub(super) fn leave(&mut self) {
        self.inside = false;
    }

    pub(super) fn scalar(&mut self, asked: Vec<Id>) {
        self.scalar = asked;
    }

    pub(super) fn asked(&self) -> &[Id] {
        &self.scalar
    }

    pub(super) fn take_scalar(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.scalar)
    }

    /// Of the value it is inside of, or else of the innermost container.
    pub(super) fn pointer(&self) -> String {
        let steps = match self.inside {
            true => self.frames.len(),
            false => self.frames.len().saturating_sub(1),
        };
        self.pointer_to(steps)
    }

    /// Of the innermost container.
    pub(super) fn pointer_of_top(&self) -> String {
        self.pointer_to(self.frames.len().saturating_sub(1))
    }

    fn pointer_to(&self, steps: usize) -> String {
        let mut pointer = String::new();
        for frame in &self.frames[..steps] {
            match frame.container {
                Container::Array => push_index(&mut pointer, frame.count),
                Container::Object => push(&mut pointer, &frame.key),
            }
        }
        pointer
    }
}
