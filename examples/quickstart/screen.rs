//! What people see: lines that stay, and on a terminal lines below them that are drawn anew in place.

use std::{
    env,
    io::{self, IsTerminal, Stdout, Write},
};

use crate::table::Table;

/// Longer lines are cut instead of wrapped, for their number must be known to draw them anew.
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";
const CLEAR_BELOW: &str = "\x1b[J";

/// Standard output.
pub struct Screen {
    stdout: Stdout,
    is_terminal: bool,
    is_coloured: bool,
    /// The lines that are drawn in place at the end.
    drawn: Vec<String>,
    /// The table that was shown last.
    table: Option<Table>,
}

impl Screen {
    pub fn new() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let is_coloured = is_terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { stdout, is_terminal, is_coloured, drawn: Vec::new(), table: None }
    }

    /// A new part of the tour.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        if self.is_coloured {
            self.line(&format!("\n\x1b[1m{text}\x1b[0m"))
        } else {
            self.line(&format!("\n{text}"))
        }
    }

    /// A line that stays. What was drawn in place stays above it.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.drawn.clear();
        self.write(&format!("{text}\n"))
    }

    /// Lines that stay, broken at spaces to fit into 80 columns.
    pub fn paragraph(&mut self, text: &str) -> io::Result<()> {
        folded(text, 78).iter().try_for_each(|line| self.line(&format!("  {line}")))
    }

    /// A table, in place on a terminal; elsewhere only the rows that say something new.
    pub fn table(&mut self, table: Table, below: &str) -> io::Result<()> {
        if self.is_terminal {
            let lines = table.lines().iter().map(|line| format!("  {line}"));
            let below = (!below.is_empty()).then(|| format!("  {below}"));
            self.draw(lines.chain(below).collect())?;
        } else {
            let news: Vec<String> =
                table.news_since(self.table.as_ref()).iter().map(|line| format!("  {line}\n")).collect();
            self.write(&news.concat())?;
        }
        self.table = Some(table);
        Ok(())
    }

    /// How a wait goes on, in place on a terminal; nothing elsewhere.
    pub fn waiting(&mut self, text: &str) -> io::Result<()> {
        if self.is_terminal { self.draw(vec![format!("  {text}")]) } else { Ok(()) }
    }

    /// Takes away what was drawn in place.
    pub fn wipe(&mut self) -> io::Result<()> {
        self.draw(Vec::new())
    }

    fn draw(&mut self, lines: Vec<String>) -> io::Result<()> {
        if lines == self.drawn {
            return Ok(());
        }
        let mut text = match self.drawn.len() {
            0 => String::new(),
            drawn => format!("\x1b[{drawn}A\r{CLEAR_BELOW}"),
        };
        if !lines.is_empty() {
            text.extend([WRAP_OFF, &lines.join("\n"), "\n", WRAP_ON]);
        }
        self.drawn = lines;
        // In one write, so that nothing can come in between.
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.flush()
    }
}

fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_a_long_word_has_a_line_of_its_own() {
        assert_eq!(
            folded("one two three https://a.long.url end", 9),
            ["one two", "three", "https://a.long.url", "end"]
        );
        assert_eq!(folded("", 9), Vec::<String>::new());
    }
}
