//! Cycles in a graph of things that wait for each other. Pure.

use std::collections::VecDeque;

/// Cycles, each a shortest one through its first node; every node that can reach itself lies in at least one.
/// `edges[n]` are the nodes that `n` waits for.
pub(super) fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    for start in 0..edges.len() {
        if !found.iter().flatten().any(|node| *node == start) {
            found.extend(shortest(start, edges));
        }
    }
    found
}

/// The shortest way from a node back to itself, breadth first.
fn shortest(start: usize, edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut came_from: Vec<Option<usize>> = vec![None; edges.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(from) = queue.pop_front() {
        for &to in &edges[from] {
            if to == start {
                let mut way: Vec<usize> = std::iter::successors(Some(from), |node| came_from[*node]).collect();
                way.reverse();
                return Some(way);
            }
            if came_from[to].is_none() {
                came_from[to] = Some(from);
                queue.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cycle_is_found_once_from_its_first_node() {
        let none: [Vec<usize>; 0] = [];
        assert_eq!(cycles(&[vec![1], vec![2], vec![]]), none);
        assert_eq!(cycles(&[vec![0]]), [[0]]);
        let overlapping = [vec![1], vec![2, 3], vec![1], vec![2]];
        assert_eq!(cycles(&overlapping), [vec![1, 2], vec![3, 2, 1]]);
        let two = [vec![1], vec![2], vec![0], vec![3], vec![0]];
        assert_eq!(cycles(&two), [vec![0, 1, 2], vec![3]]);
    }
}
