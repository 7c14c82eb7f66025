//! Characters that cannot stand in a credential.

/// A kind of character that cannot stand in a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[expect(missing_docs, reason = "the names say it, and the words for people too")]
pub enum Character {
    #[strum(to_string = "a space")]
    Space,
    #[strum(to_string = "a tab")]
    Tab,
    #[strum(to_string = "a line break")]
    LineBreak,
    #[strum(to_string = "a no-break space")]
    NoBreakSpace,
    #[strum(to_string = "an unusual space")]
    OtherSpace,
    #[strum(to_string = "a byte order mark")]
    ByteOrderMark,
    #[strum(to_string = "a zero-width character")]
    ZeroWidth,
    #[strum(to_string = "an invisible character")]
    Invisible,
    #[strum(to_string = "a control character")]
    Control,
    #[strum(to_string = "a character outside of ASCII")]
    NotAscii,
    /// A byte that is not UTF-8 text.
    #[strum(to_string = "a byte that is not UTF-8 text")]
    NotText,
}

impl Character {
    /// The kind of a character. One that is visible is only told from ASCII.
    #[must_use]
    pub fn of(character: char) -> Self {
        match character {
            ' ' => Self::Space,
            '\t' => Self::Tab,
            '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Self::LineBreak,
            '\u{a0}' | '\u{2007}' | '\u{202f}' => Self::NoBreakSpace,
            '\u{feff}' => Self::ByteOrderMark,
            '\u{200b}'..='\u{200d}' | '\u{2060}' => Self::ZeroWidth,
            _ if character.is_whitespace() => Self::OtherSpace,
            _ if character.is_control() => Self::Control,
            _ if is_invisible(character) => Self::Invisible,
            _ => Self::NotAscii,
        }
    }

    /// Whether it stands around a value without anybody's meaning it.
    pub(super) fn surrounds(self) -> bool {
        !matches!(self, Self::Control | Self::NotAscii | Self::NotText)
    }
}

/// Format characters and fillers, which change or take no place (Unicode: `Default_Ignorable_Code_Point`, and the blank of Braille).
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2061}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
