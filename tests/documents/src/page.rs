use std::path::PathBuf;

/// A document.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path in the repository.
    pub path: PathBuf,
    /// Its Markdown.
    pub text: String,
}

/// What stands between two fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What follows the fence, such as `sh`.
    pub language: String,
    /// What it holds.
    pub text: String,
    /// The line of its fence, from 1.
    pub line: usize,
}

impl Page {
    /// Its fenced blocks, as they are shown: without the indentation that their fence has.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        let mut indentation = "";
        for (index, line) in self.text.lines().enumerate() {
            let Some(rest) = line.trim_start().strip_prefix("```") else {
                if let Some(block) = &mut open {
                    block.text.push_str(line.strip_prefix(indentation).unwrap_or(line));
                    block.text.push('\n');
                }
                continue;
            };
            if let Some(block) = open.take() {
                blocks.push(block);
                continue;
            }
            indentation = &line[..line.len() - line.trim_start().len()];
            open = Some(Block { language: rest.trim().to_owned(), text: String::new(), line: index + 1 });
        }
        blocks
    }

    /// Its lines outside of fenced blocks.
    pub fn prose(&self) -> impl Iterator<Item = &str> {
        self.numbered_prose().map(|(_, line)| line)
    }

    /// The same, each with its number, from 1.
    fn numbered_prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut fenced = false;
        (1..).zip(self.text.lines()).filter(move |(_, line)| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fence && !fenced
        })
    }

    /// What stands between single backticks in its prose, each with its line, from 1.
    pub fn inline_code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.numbered_prose().flat_map(|(number, line)| {
            // The last piece is not closed.
            let pieces = line.split('`').count();
            line.split('`').take(pieces - 1).skip(1).step_by(2).map(move |code| (number, code))
        })
    }

    /// The texts of its headings.
    #[must_use]
    pub fn headings(&self) -> Vec<&str> {
        self.prose()
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches('#').trim())
            .collect()
    }

    /// What follows `#` in a link to each of its headings, as GitHub makes it.
    #[must_use]
    pub fn anchors(&self) -> Vec<String> {
        let anchor = |heading: &str| -> String {
            let kept = |character: &char| character.is_alphanumeric() || " -_".contains(*character);
            heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        self.headings().into_iter().map(anchor).collect()
    }

    /// Where its links lead.
    #[must_use]
    pub fn links(&self) -> Vec<&str> {
        self.prose()
            .flat_map(|line| line.split("](").skip(1))
            .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_markdown() {
        let text = "# What `it` is: now\n\nSee [a](b.md#c) and [d](e).\n```sh\n# no `heading`\n[x](y)\n```\n## Two\n- In a list\n  ```yaml\n  a:\n    b: 1\n\n  ```\nOf `a b`, `c` and a ` alone\n";
        let page = Page { path: "a.md".into(), text: text.into() };
        assert_eq!(page.headings(), ["What `it` is: now", "Two"]);
        assert_eq!(page.anchors(), ["what-it-is-now", "two"]);
        assert_eq!(page.links(), ["b.md#c", "e"]);
        let block = Block { language: "sh".into(), text: "# no `heading`\n[x](y)\n".into(), line: 4 };
        let in_a_list = Block { language: "yaml".into(), text: "a:\n  b: 1\n\n".into(), line: 10 };
        assert_eq!(page.blocks(), [block, in_a_list]);
        assert_eq!(page.inline_code().collect::<Vec<_>>(), [(1, "it"), (15, "a b"), (15, "c")]);
    }
}
