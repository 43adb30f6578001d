//! How often one value can be looked at by one subschema, when all the ways are gone
//! that lead there.
//!
//! Where alternatives share what they lead to, each level of a document multiplies
//! the ways, and the library goes them all, but for those of a subschema inside of
//! itself, which it remembers. Here they are counted before anybody goes them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Id, Node, ROOT};
use crate::limits;
use crate::schema::BadSchema;

/// The most ways that lead to one part of a document together. A schema that has too
/// many is refused.
pub(super) fn bounded(graph: &Graph) -> Result<u64, BadSchema> {
    let (order, back) = order(graph);
    let mut ways = vec![1_u64; graph.nodes.len()];
    let mut all = 0_u64;
    for id in order {
        let looks = looks(graph, &back, id);
        all += looks.values().sum::<u64>();
        if all > limits::ALL_LOOKS {
            return Err(BadSchema::new(
                graph.nodes[id].pointer.clone(),
                "the schema's references and alternatives are too many together",
            ));
        }
        ways[id] = deepest(graph, &back, &looks, &ways).max(1);
        if ways[id] > limits::GROWTH {
            return Err(BadSchema::new(
                graph.nodes[id].pointer.clone(),
                "alternatives that share what they lead to multiply with each level; \
                 give them names of their own, or tell them apart further up",
            ));
        }
    }
    Ok(ways.into_iter().max().unwrap_or(1))
}

/// An edge that leads back into what it comes from: there the library remembers.
type Back = BTreeSet<(Id, Id)>;

/// All subschemas, each behind those that it leads to, but for the edges back.
fn order(graph: &Graph) -> (Vec<Id>, Back) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; graph.nodes.len()];
    let (mut order, mut back) = (Vec::new(), Back::new());
    for start in ROOT..graph.nodes.len() {
        let mut stack: Vec<(Id, Vec<Id>)> = Vec::new();
        if marks[start] == Mark::New {
            marks[start] = Mark::Open;
            stack.push((start, graph.nodes[start].next().collect()));
        }
        while let Some((id, left)) = stack.last_mut() {
            let (id, next) = (*id, left.pop());
            match next.map(|next| (next, marks[next])) {
                Some((next, Mark::New)) => {
                    marks[next] = Mark::Open;
                    stack.push((next, graph.nodes[next].next().collect()));
                }
                Some((next, Mark::Open)) => {
                    back.insert((id, next));
                }
                Some((_, Mark::Done)) => {}
                None => {
                    marks[id] = Mark::Done;
                    order.push(id);
                    stack.pop();
                }
            }
        }
    }
    (order, back)
}

/// What looks at the value that `id` looks at, and how often.
fn looks(graph: &Graph, back: &Back, id: Id) -> BTreeMap<Id, u64> {
    let mut looks = BTreeMap::new();
    let mut next = vec![id];
    // `measure` has bounded how many they are.
    while let Some(id) = next.pop() {
        *looks.entry(id).or_insert(0) += 1;
        let inner = graph.nodes[id].in_place();
        next.extend(inner.filter(|to| !back.contains(&(id, *to))));
    }
    looks
}

/// The most ways that go on together to one part of the value.
fn deepest(graph: &Graph, back: &Back, looks: &BTreeMap<Id, u64>, ways: &[u64]) -> u64 {
    let mut named: BTreeMap<&str, u64> = BTreeMap::new();
    let mut placed: BTreeMap<usize, u64> = BTreeMap::new();
    // To any member, and to any item.
    let (mut member, mut item) = (0_u64, 0_u64);
    for (&id, &times) in looks {
        let node: &Node = &graph.nodes[id];
        let go = |to: &Id| match back.contains(&(id, *to)) {
            true => times,
            false => ways[*to].saturating_mul(times),
        };
        for (name, to) in &node.properties {
            add(named.entry(name).or_default(), go(to));
        }
        for (place, to) in node.first.iter().enumerate() {
            add(placed.entry(place).or_default(), go(to));
        }
        let patterns = node.patterns.iter().map(|one| one.of);
        for to in node.additional.into_iter().chain(patterns) {
            add(&mut member, go(&to));
        }
        node.items.iter().for_each(|to| add(&mut item, go(to)));
        for to in &node.beneath {
            add(&mut member, go(to));
            add(&mut item, go(to));
        }
    }
    let most = |all: Option<&u64>| all.copied().unwrap_or(0);
    let member = member.saturating_add(most(named.values().max()));
    let item = item.saturating_add(most(placed.values().max()));
    member.max(item)
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}
