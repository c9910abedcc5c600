//! Markup: what stays, what goes, and that nothing dangerous is ever left.

use proptest::prelude::*;
use trunkline_chat::clean_html;

/// What is sent, and what is left of it.
const CASES: &[(&str, &str)] = &[
    ("plain", "plain"),
    ("<p>one</p><p>two</p>", "<p>one</p><p>two</p>"),
    ("<b>b</b><i>i</i><u>u</u><s>s</s><br>", "<b>b</b><i>i</i><u>u</u><s>s</s><br>"),
    ("<pre><code>let x = 1;</code></pre>", "<pre><code>let x = 1;</code></pre>"),
    (
        "<ul><li>a</li></ul><ol start=\"3\"><li>b</li></ol>",
        "<ul><li>a</li></ul><ol start=\"3\"><li>b</li></ol>",
    ),
    (
        "<table><tbody><tr><td colspan=\"2\">x</td></tr></tbody></table>",
        "<table><tbody><tr><td colspan=\"2\">x</td></tr></tbody></table>",
    ),
    (
        "<a href=\"https://a.example/?q=1&amp;r=2\">a</a>",
        "<a href=\"https://a.example/?q=1&amp;r=2\" rel=\"noopener noreferrer\">a</a>",
    ),
    (
        "<a href=\"mailto:a@a.example\">a</a>",
        "<a href=\"mailto:a@a.example\" rel=\"noopener noreferrer\">a</a>",
    ),
    (
        "<msft-mention id=\"1\" displaytext=\"Bob\">@Bob</msft-mention>",
        "<msft-mention id=\"1\" displaytext=\"Bob\">@Bob</msft-mention>",
    ),
    ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
    ("<b>never closed", "<b>never closed</b>"),
    ("<!-- a comment -->x", "x"),
    ("<script>alert(1)</script>x", "x"),
    ("<SCRIPT SRC=//evil.example></SCRIPT>x", "x"),
    ("<scr<script>ipt>alert(1)</script>x", "ipt&gt;alert(1)x"),
    ("<style>*{display:none}</style>x", "x"),
    ("<iframe src=\"https://evil.example\">y</iframe>x", "x"),
    ("<svg><script>alert(1)</script></svg>x", "x"),
    ("<math><mtext><script>alert(1)</script></mtext></math>x", "x"),
    ("<template><script>alert(1)</script></template>x", "x"),
    ("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "\"&gt;"),
    ("<img src=x onerror=alert(1)>x", "x"),
    ("<img src=\"https://tracker.example/1.gif\">x", "x"),
    ("<b onclick=\"alert(1)\" onmouseover=alert(1)>x</b>", "<b>x</b>"),
    ("<p style=\"position:fixed\" class=\"admin\" id=\"root\">x</p>", "<p>x</p>"),
    ("<a href=\"javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<a href=\"JaVaScRiPt:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<a href=\"java&#10;script:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<a href=\"&#1;javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<a href=\"vbscript:x\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<a href=\"data:text/html,<script>\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<a href=\"//evil.example\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<a href=\"/admin\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
    ("<form action=\"https://evil.example\"><input><button>x</button></form>", "x"),
    ("<base href=\"https://evil.example\"><link rel=stylesheet href=x><meta>x", "x"),
    ("<object data=x></object><embed src=x><applet></applet>x", "x"),
];

#[test]
fn what_chat_needs_stays_and_everything_else_goes() {
    for (sent, left) in CASES {
        assert_eq!(clean_html(sent).unwrap(), *left, "{sent}");
    }
}

#[test]
fn a_link_too_long_to_be_one_loses_its_address_and_keeps_its_text() {
    let href =
        |length: usize| format!("<a href=\"https://a.example/{}\">a</a>", "x".repeat(length));
    assert!(clean_html(&href(2_000)).unwrap().contains("href"));
    assert_eq!(clean_html(&href(2_100)).unwrap(), "<a rel=\"noopener noreferrer\">a</a>");
}

#[test]
fn markup_as_deep_as_the_limits_allow_is_cleaned() {
    for (open, close) in [("<div>", "</div>"), ("<b>", "</b>"), ("<ul><li>", "")] {
        let depth = if close.is_empty() { 1_000 } else { 2_000 };
        let markup = format!("{}x{}", open.repeat(depth), close.repeat(depth));
        assert!(is_harmless(&clean_html(&markup).unwrap()), "{open}");
    }
}

#[test]
fn a_small_message_cannot_grow_into_a_large_tree() {
    let attributed: String = (0..700).map(|n| format!("<b id={n:x}>")).collect();
    let bomb = format!("<p>{attributed}{}", "x<p>".repeat(3_000));
    assert!(bomb.len() < 28_672);
    assert!(clean_html(&bomb).is_err());
    let alike = format!("<p>{}{}", "<b><i><u>".repeat(300), "x<p>".repeat(3_000));
    assert!(clean_html(&alike).unwrap().len() < 1_000_000);
}

/// Pieces that attacks are made of.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<script>",
        "</script>",
        "<script",
        "<style>",
        "</style>",
        "<iframe src=x>",
        "</iframe>",
        "<svg>",
        "</svg>",
        "<math>",
        "</math>",
        "<mtext>",
        "<mglyph>",
        "<annotation-xml ",
        "encoding=text/html>",
        "<foreignObject>",
        "<desc>",
        "<title>",
        "</title>",
        "<noscript>",
        "</noscript>",
        "<template>",
        "</template>",
        "<textarea>",
        "</textarea>",
        "<xmp>",
        "<table>",
        "</table>",
        "<tr>",
        "<td>",
        "<th colspan=1>",
        "<select>",
        "<option>",
        "<form>",
        "</form>",
        "<a href=\"",
        "<a href=",
        "javascript:alert(1)",
        "java\tscript:x",
        "&#106;avascript:x",
        "data:text/html,x",
        "https://a.example/",
        "//evil.example",
        "\">",
        "'>",
        ">",
        "<",
        "</",
        "/>",
        "<!--",
        "-->",
        "--!>",
        "<![CDATA[",
        "]]>",
        "<?",
        "<b ",
        "<p ",
        "<div ",
        "<msft-mention ",
        "id=\"",
        "displaytext=\"",
        "title=\"",
        " onclick=",
        " onerror=\"",
        "style=\"",
        "alert(1)",
        "\"",
        "'",
        "`",
        "=",
        " ",
        "\n",
        "\0",
        "&lt;",
        "&quot;",
        "&#x3c;",
        "&amp;",
        "<b>",
        "</b>",
        "<p>",
        "</p>",
        "<i x=1>",
        "</i>",
        "<ul>",
        "<li value=1>",
        "<ol start=1>",
        "<br>",
        "<h1>",
        "<pre>",
        "x",
        "é",
        "<plaintext>",
        "<img src=x onerror=alert(1)>",
        "<base href=x>",
        "<object>",
        "<embed>",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_dangerous_is_left_of_an_attack(markup in soup()) {
        let cleaned = clean_html(&markup).unwrap();
        prop_assert!(is_harmless(&cleaned), "{cleaned}");
    }

    #[test]
    fn nothing_dangerous_is_left_of_any_text(markup in any::<String>()) {
        let cleaned = clean_html(&markup).unwrap();
        prop_assert!(is_harmless(&cleaned), "{cleaned}");
    }

    #[test]
    fn what_was_cleaned_stays_harmless_when_a_reader_cleans_it_again(markup in soup()) {
        if let Ok(again) = clean_html(&clean_html(&markup).unwrap()) {
            prop_assert!(is_harmless(&again), "{again}");
        }
    }
}

/// Reads cleaned markup strictly, by its own rules and not by a parser's: a `<` begins a tag that is
/// allowed, with attributes that are allowed, in double quotes, and links that are allowed.
fn is_harmless(cleaned: &str) -> bool {
    let mut rest = cleaned;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(after) = tag(rest) else { return false };
        rest = after;
    }
    true
}

fn tag(text: &str) -> Option<&str> {
    const ALLOWED: &[&str] = &[
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
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let (is_end, text) = match text.strip_prefix('/') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (name, mut rest) = text.split_at(text.find(|c| !is_name(c))?);
    if !ALLOWED.contains(&name) {
        return None;
    }
    while let Some(attribute) = rest.strip_prefix(' ') {
        let (attribute, after) = attribute.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        let is_fit = match (name, attribute) {
            ("a", "href") => is_link(value),
            ("a", "rel") => value == "noopener noreferrer",
            ("a", "title")
            | ("li", "value")
            | ("msft-mention", "displaytext" | "id")
            | ("ol", "start")
            | ("td" | "th", "colspan" | "rowspan") => true,
            _ => false,
        };
        if is_end || !is_fit {
            return None;
        }
        rest = after;
    }
    rest.strip_prefix('>')
}

/// As a browser reads it: without line breaks and tabs, nor what stands before the scheme.
fn is_link(value: &str) -> bool {
    let value = value.replace(['\t', '\n', '\r'], "").to_ascii_lowercase();
    let value = value.trim_start_matches(|c: char| c <= ' ');
    ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| value.starts_with(scheme))
}
