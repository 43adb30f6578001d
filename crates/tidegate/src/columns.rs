//! Tables for people: columns as wide as their widest cell, two spaces between.
//!
//! A cell is one line, whatever its text was. It knows no colours but the head's.

use crate::paint::Paint;
use crate::say::one_line;

/// Which side of its column a cell stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// The lines of a table, the head first, none longer than `most` characters.
pub(crate) fn lines<const N: usize>(
    head: [(&str, Side); N],
    rows: &[[String; N]],
    most: usize,
    paint: Paint,
) -> Vec<String> {
    let rows: Vec<[String; N]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| one_line(cell)))
        .collect();
    let mut widths = head.map(|(word, _)| word.len());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let sides = head.map(|(_, side)| side);
    let words = head.map(|(word, _)| word.to_owned());
    let first = paint.strong(&line(&words, widths, sides, most));
    let rest = rows.iter().map(|row| line(row, widths, sides, most));
    std::iter::once(first).chain(rest).collect()
}

fn line<const N: usize>(
    cells: &[String; N],
    widths: [usize; N],
    sides: [Side; N],
    most: usize,
) -> String {
    let padded = cells.iter().zip(widths).zip(sides);
    let padded = padded.map(|((cell, width), side)| match side {
        Side::Left => format!("{cell:<width$}"),
        Side::Right => format!("{cell:>width$}"),
    });
    let line = padded.collect::<Vec<_>>().join("  ");
    line.trim_end().chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let head = [("ID", Side::Left), ("AGE", Side::Right), ("X", Side::Left)];
        let row = |id: &str, age: &str, x: &str| [id.to_owned(), age.to_owned(), x.to_owned()];
        let rows = [row("one", "1 s", ""), row("a\nb", "1000 s", "é")];
        let paint = Paint::never();
        assert_eq!(
            lines(head, &rows, 80, paint),
            ["ID      AGE  X", "one     1 s", "a b  1000 s  é"]
        );
        assert_eq!(lines(head, &rows, 5, paint)[2], "a b  ");
    }
}
