//! Tables of text, and bars.

/// Formats columns under their names, as wide as needed; the ones in `right` are right-aligned.
pub(crate) fn table(names: &[&str], right: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.chars().count());
    let widths: Vec<usize> = names
        .iter()
        .enumerate()
        .map(|(column, name)| cells(column).max().unwrap_or(0).max(name.chars().count()))
        .collect();
    let line = |row: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for ((cell, width), name) in row.zip(&widths).zip(names) {
            let fill = " ".repeat(width - cell.chars().count().min(*width));
            let (before, behind) = if right.contains(name) { (fill.as_str(), "") } else { ("", fill.as_str()) };
            text.push_str(&format!("{before}{cell}{behind}  "));
        }
        text.trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut names.iter().copied());
    rows.iter().for_each(|row| text.push_str(&line(&mut row.iter().map(String::as_str))));
    text
}

/// Formats names, counts and bars. The longest bar has this width, and every count above zero has a
/// mark.
pub(crate) fn bars(rows: &[(String, u64)], width: usize) -> String {
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let share = |count: u64| usize::try_from(u128::from(count) * width as u128 / u128::from(most)).unwrap_or(width);
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|(name, count)| {
            let bar = "█".repeat(share(*count).max(usize::from(*count > 0)));
            vec![name.clone(), count.to_string(), bar]
        })
        .collect();
    let text = table(&["", "sessions", ""], &["sessions"], &rows);
    text.lines().skip(1).map(|line| format!("  {line}\n")).collect()
}

/// Formats a number with separators of thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a size for people.
pub(crate) fn bytes(size: u64) -> String {
    match size {
        0..10_240 => format!("{} B", grouped(size)),
        10_240..10_485_760 => format!("{} KiB", grouped(size / 1024)),
        _ => format!("{} MiB", grouped(size / 1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::{bars, bytes, grouped, table};

    #[test]
    fn columns_are_as_wide_as_needed() {
        let rows = [vec!["ann".to_owned(), "7".to_owned()], vec!["Zoë Müller".to_owned(), "12".to_owned()]];
        assert_eq!(table(&["who", "n"], &["n"], &rows), "who          n\nann          7\nZoë Müller  12\n");
        assert_eq!(table(&["who"], &[], &[]), "who\n");
    }

    #[test]
    fn counts_above_zero_have_a_bar() {
        let rows =
            [("none", 0), ("few", 1), ("half", 500), ("most", 1000)].map(|(name, count)| (name.to_owned(), count));
        let expected = "  none         0\n  few          1  █\n  half       500  ██\n  most      1000  ████\n";
        assert_eq!(bars(&rows, 4), expected);
    }

    #[test]
    fn numbers() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        for (size, text) in [(0, "0 B"), (4096, "4,096 B"), (20_480, "20 KiB"), (20_971_520, "20 MiB")] {
            assert_eq!(bytes(size), text);
        }
    }
}
