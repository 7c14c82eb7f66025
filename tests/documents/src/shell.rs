/// The simple commands of a shell script as the documents have them, each as its words: comments, redirections and
/// assignments before a command are left out, variables and `$(…)` stand as they are written.
///
/// # Errors
/// A quote that does not end.
pub fn commands(script: &str) -> Result<Vec<Vec<String>>, String> {
    let mut commands = vec![Vec::new()];
    let mut characters = script.chars().peekable();
    let mut word: Option<String> = None;
    let mut skip_word = false;
    while let Some(character) = characters.next() {
        match character {
            '#' if word.is_none() => while characters.next_if(|next| *next != '\n').is_some() {},
            '\\' => match characters.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some(end) if end == character => break,
                        Some(inside) => word.push(inside),
                        None => return Err(format!("a {character} does not end")),
                    }
                }
            }
            '$' if characters.peek() == Some(&'(') => {
                let word = word.get_or_insert_default();
                word.push('$');
                for inside in characters.by_ref() {
                    word.push(inside);
                    if inside == ')' {
                        break;
                    }
                }
            }
            ' ' | '\t' | '\n' | '|' | '&' | ';' | '<' | '>' => {
                if let Some(word) = word.take()
                    && !std::mem::take(&mut skip_word)
                    && let Some(command) = commands.last_mut()
                    && !(command.is_empty() && is_assignment(&word))
                {
                    command.push(word);
                }
                match character {
                    '<' | '>' => skip_word = true,
                    ' ' | '\t' => {}
                    _ => commands.push(Vec::new()),
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    if let (Some(word), Some(command)) = (word.filter(|_| !skip_word), commands.last_mut()) {
        command.push(word);
    }
    commands.retain(|command| !command.is_empty());
    Ok(commands)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|character| character.is_ascii_uppercase() || character == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_comes_as_its_commands() {
        let script = "# first\nA=1 kubectl get x -o 'a b' | head -n 1 > /dev/null && \\\n  true   # why\n\nhelm \"$(date +%s)\"x; just\n";
        let expected: [&[&str]; 5] = [
            &["kubectl", "get", "x", "-o", "a b"],
            &["head", "-n", "1"],
            &["true"],
            &["helm", "$(date +%s)x"],
            &["just"],
        ];
        assert_eq!(commands(script).unwrap(), expected);
        assert!(commands("echo 'a").is_err());
    }
}
