//! How far a schema can take whoever reads it, before anybody does.
//!
//! 1. No circle at one place: a schema that refers to itself does so of a part of
//!    the value, which is smaller.
//! 2. What looks at one value is bounded, in depth and in number, also where
//!    references share what they lead to.
//! 3. Where the ways to list errors multiply without a bound, the graph says so.

use super::{Graph, Id, growth};
use crate::limits;
use crate::schema::BadSchema;

/// What one subschema costs at one value.
#[derive(Clone, Copy)]
struct Cost {
    /// How many subschemas look at the value.
    looks: u64,
    /// How deep they stand in one another.
    depth: usize,
}

/// Whether a subschema was visited.
#[derive(Clone, Copy)]
enum Mark {
    New,
    Open,
    Done(Cost),
}

/// Refuses what has no bound, and marks what is tangled.
pub(super) fn measure(graph: &mut Graph) -> Result<(), BadSchema> {
    let mut marks = vec![Mark::New; graph.nodes.len()];
    let mut looks = 1;
    for id in 0..graph.nodes.len() {
        looks = cost(graph, &mut marks, id, 0)?.looks.max(looks);
    }
    graph.looks = growth::bounded(graph)?.saturating_mul(looks);
    graph.tangled = tangled(graph);
    Ok(())
}

/// Recurses as deep as is allowed to stand in one another.
fn cost(graph: &Graph, marks: &mut [Mark], id: Id, depth: usize) -> Result<Cost, BadSchema> {
    let bad = |what: &str| Err(BadSchema::new(graph.nodes[id].pointer.clone(), what));
    match marks[id] {
        Mark::Done(cost) => return Ok(cost),
        Mark::Open => return bad("the schema refers to itself without going deeper"),
        Mark::New if depth > limits::IN_PLACE => {
            return bad("references and alternatives nest too deep");
        }
        Mark::New => marks[id] = Mark::Open,
    }
    let mut sum = Cost { looks: 1, depth: 1 };
    for next in graph.nodes[id].in_place() {
        let of = cost(graph, marks, next, depth + 1)?;
        sum.looks = sum.looks.saturating_add(of.looks);
        sum.depth = sum.depth.max(of.depth + 1);
    }
    if sum.depth > limits::IN_PLACE {
        return bad("references and alternatives nest too deep");
    }
    if sum.looks > limits::LOOKS {
        return bad("too many references and alternatives look at one value");
    }
    marks[id] = Mark::Done(sum);
    Ok(sum)
}

/// Whether the ways through the graph, from the root down, are too many to list what
/// is wrong on each.
fn tangled(graph: &Graph) -> bool {
    let count = graph.nodes.len();
    let next = |id: Id| graph.nodes[id].next();
    let mut from = vec![Vec::new(); count];
    let mut ways = vec![1_u64; count];
    for id in 0..count {
        next(id).for_each(|to| from[to].push(id));
    }
    let mut needed: Vec<usize> = from.iter().map(Vec::len).collect();
    let mut ready: Vec<Id> = (0..count).filter(|id| needed[*id] == 0).collect();
    let mut most = 0;
    while let Some(id) = ready.pop() {
        most = most.max(ways[id]);
        for to in next(id) {
            ways[to] = ways[to].saturating_add(ways[id]);
            needed[to] -= 1;
            if needed[to] == 0 {
                ready.push(to);
            }
        }
    }
    if most > limits::WAYS {
        return true;
    }
    // What is left is in circles, or behind them; what is behind leads nowhere.
    let mut left: Vec<bool> = needed.iter().map(|needed| *needed > 0).collect();
    let mut leads: Vec<usize> = (0..count)
        .map(|id| next(id).filter(|to| left[*to]).count())
        .collect();
    let mut ends: Vec<Id> = (0..count)
        .filter(|id| left[*id] && leads[*id] == 0)
        .collect();
    while let Some(id) = ends.pop() {
        left[id] = false;
        for &before in &from[id] {
            leads[before] -= 1;
            if left[before] && leads[before] == 0 {
                ends.push(before);
            }
        }
    }
    // In a circle each turn multiplies, if two ways of one value go on in it.
    let forks = |id: Id| graph.nodes[id].in_place().filter(|to| left[*to]).count() > 1;
    (0..count).any(|id| left[id] && forks(id))
}
