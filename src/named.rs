//! Enums whose variants have names.

/// An enum each of whose variants has one name, as labels of metrics and conditions have it: its `ALL` and `as_str` cannot
/// forget a variant.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $kind:ident {
            $($(#[$description:meta])* $variant:ident = $name:literal,)*
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $kind {
            $($(#[$description])* $variant,)*
        }

        impl $kind {
            /// Each of them.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

pub(crate) use named;
