//! Markup made safe: what may stay is listed, everything else goes.
//!
//! Cleaning parses as a browser does, and a browser's repairs can make a thousand elements of one
//! tag: formatting left open is opened again in each paragraph that follows. What could grow so is
//! refused before it is parsed.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    sync::LazyLock,
};

use ammonia::{Builder, UrlRelative};

use crate::error::ChatError;

/// Returns the markup with nothing in it but the elements, attributes and links that chat allows,
/// balanced, every other character of markup escaped: safe to show as it is.
///
/// # Errors
///
/// Refuses markup with too many tags, or that could make too many elements; the length is not
/// looked at.
pub fn clean_html(html: &str) -> Result<String, ChatError> {
    let size = Size::of(html);
    if size.tags > TAG_LIMIT {
        return Err(ChatError::TooManyTags { limit: TAG_LIMIT, tags: size.tags });
    }
    if size.elements() > ELEMENT_LIMIT {
        let elements = size.elements();
        return Err(ChatError::TooManyElements { limit: ELEMENT_LIMIT, elements });
    }
    Ok(CLEANER.clean(html).to_string())
}

/// How large a tree some markup can make, counted without parsing it: never too little, but for the
/// parts of tables that a parser adds.
struct Size {
    /// Places where a tag may begin.
    tags: usize,
    /// Formatting that may be open at once, waiting to be opened again.
    formatting: usize,
}

impl Size {
    /// Of equal formatting elements no more than three wait to be opened again, and of `a` no more
    /// than one
    /// ([HTML §13.2.4.3](https://html.spec.whatwg.org/multipage/parsing.html#the-list-of-active-formatting-elements)).
    /// Equality of attributes would need a parser, so each element with attributes counts.
    fn of(html: &str) -> Self {
        let (mut tags, mut with_attributes) = (0, 0);
        let mut plain = BTreeSet::new();
        for after in html.split('<').skip(1) {
            tags += 1;
            let length = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
            let (name, rest) = after.split_at(length);
            let Some(name) = FORMATTING.iter().find(|known| known.eq_ignore_ascii_case(name))
            else {
                continue;
            };
            if rest.starts_with('>') || *name == "a" {
                plain.insert(*name);
            } else {
                with_attributes += 1;
            }
        }
        Self { tags, formatting: 3 * plain.len() + with_attributes }
    }

    fn elements(&self) -> usize {
        self.tags.saturating_mul(self.formatting + 1)
    }
}

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let attributes = ATTRIBUTES
        .iter()
        .map(|(tag, names)| (*tag, names.iter().copied().collect::<HashSet<_>>()))
        .collect::<HashMap<_, _>>();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(ERASED.iter().copied().collect())
        .generic_attributes(HashSet::new())
        .tag_attributes(attributes)
        .url_schemes(SCHEMES.iter().copied().collect())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"))
        .attribute_filter(|_, _, value| {
            (value.len() <= ATTRIBUTE_LIMIT_BYTES).then_some(Cow::Borrowed(value))
        });
    builder
});

/// What a rich text editor for chat makes, and the element that marks a mention.
const TAGS: &[&str] = &[
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "ins",
    "li",
    "msft-mention",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

/// Elements that go with all that is in them; of others that are not allowed only the tags go.
const ERASED: &[&str] = &[
    "applet",
    "embed",
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "style",
    "svg",
    "template",
    "title",
    "xmp",
];

/// No `style`, `class` or `id`: a message must not dress up as the page around it. No images: each
/// reader would load them from wherever the sender likes.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href", "title"]),
    ("li", &["value"]),
    ("msft-mention", &["displaytext", "id"]),
    ("ol", &["start"]),
    ("td", &["colspan", "rowspan"]),
    ("th", &["colspan", "rowspan"]),
];

const SCHEMES: &[&str] = &["http", "https", "mailto", "tel"];

/// The elements that a parser opens again after something closed them.
const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

/// Longer values are dropped with their attribute. Larger lets one link, opened again and again, grow
/// further; smaller loses links that people do send.
const ATTRIBUTE_LIMIT_BYTES: usize = 2_048;

/// Time grows with the square of the depth, and every tag may be one level. 4,000 take about 50 ms
/// in a release build; a message of the documented size with so many has seven bytes for each.
const TAG_LIMIT: usize = 4_000;

/// About 250 bytes each while they are cleaned, so 25 MB at worst. Smaller would refuse pasted
/// documents, in which much formatting has attributes.
const ELEMENT_LIMIT: usize = 100_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Formatting, and what closes it, hides it from its end tag, or moves it elsewhere; `#` becomes
    /// a number that is used once.
    const PIECES: &[&str] = &[
        "<b x=#>",
        "<b x=#>",
        "<i x='>#'>",
        "<a href=https://a.example/#>",
        "<nobr x=#>",
        "<b>",
        "<i>",
        "<u >",
        "<code/>",
        "<A>",
        "<nobr>",
        "</b>",
        "</i>",
        "</a>",
        "</u>",
        "</nobr>",
        "<p>",
        "<p>",
        "</p>",
        "x",
        "x<p>",
        "<div>",
        "</div>",
        "<li>",
        "<ul>",
        "</ul>",
        "<h1>",
        "</h1>",
        "<table>",
        "</table>",
        "<tr>",
        "<td>",
        "</td>",
        "<caption>",
        "<select>",
        "</select>",
        "<option>",
        "<button>",
        "</button>",
        "<object>",
        "</object>",
        "<marquee>",
        "</marquee>",
        "<template>",
        "</template>",
        "<svg>",
        "<foreignObject>",
        "<desc>",
        "</svg>",
        "<math>",
        "<mtext>",
        "</math>",
        "<!--",
        "-->",
        "<br>",
        "<hr>",
        "<form>",
        "</form>",
        "<title>",
        "</title>",
        "<dd>",
        "<ruby>",
        "<rt>",
        "<body>",
        "<html>",
    ];

    /// A few pieces many times over, then others many times over: what grows, grows so.
    fn markup() -> impl Strategy<Value = String> {
        let pattern = (prop::collection::vec(prop::sample::select(PIECES), 0..6), 1..40_usize);
        prop::collection::vec(pattern, 1..4).prop_map(|patterns| {
            let mut markup = String::new();
            let mut next = 0;
            for (pieces, count) in patterns {
                for piece in pieces.iter().cycle().take(pieces.len() * count) {
                    markup += &piece.replace('#', &next.to_string());
                    next += 1;
                }
            }
            markup
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn the_count_of_elements_is_never_too_small(markup in markup()) {
            let size = Size::of(&markup);
            let cleaned = CLEANER.clean(&markup).to_string();
            let made = cleaned.matches('<').count() - cleaned.matches("</").count();
            // A cell that stands alone gets a row and a body around it.
            prop_assert!(made <= 3 * size.elements(), "{made} of {markup}");
        }
    }
}
