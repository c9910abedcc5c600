//! The page of the issuer for development: who do you want to be?
//!
//! It is of links alone, under the same policy as every page here: no script, no form.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use trunkline_ids::DisplayName;
use trunkline_node::User;

use super::authorization::Authorization;
use crate::credential::NOT_STORED;
use crate::dev::USER_LIMIT;

/// Shows who can be chosen, up to as many as a person looks through. Each choice is the same
/// request with who was chosen.
pub(crate) fn people(asked: &Authorization, users: &[User], decline: &str) -> Response {
    let mut list = String::new();
    for user in users.iter().take(USER_LIMIT) {
        let alias = user.alias.as_deref().unwrap_or_default();
        let name = user.display_name.as_ref().map_or(alias, DisplayName::as_str);
        list.push_str(&format!(
            "      <li><a class=\"button\" href=\"{}\">{} <span class=\"tag\">{}</span></a></li>\n",
            escaped(&asked.choose(alias)),
            escaped(name),
            escaped(alias)
        ));
    }
    let people = match users.is_empty() {
        true => "    <p>The directory has nobody.</p>\n".to_owned(),
        false => format!("    <ul>\n{list}    </ul>\n"),
    };
    let more = match users.len().checked_sub(USER_LIMIT) {
        None | Some(0) => String::new(),
        Some(more) => format!("    <p>The directory has {more} more who are not listed.</p>\n"),
    };
    let body = format!(
        "    <h1>Who are you?</h1>\n    <p class=\"lead\">The app <code>{}</code> asks. This is the \
         directory of a development exchange: anybody can be everybody.</p>\n{people}{more}    \
         <p><a href=\"{}\">Sign in as nobody</a></p>\n",
        escaped(&asked.client_id),
        escaped(decline)
    );
    page(StatusCode::OK, "Sign in", &body)
}

/// Says why the page shows nobody.
pub(crate) fn refusal(status: StatusCode, words: &str) -> Response {
    let body = format!("    <h1>Nobody can be signed in</h1>\n    <p>{}</p>\n", escaped(words));
    page(status, "Refused", &body)
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"utf-8\">\n  \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n  \
         <title>{title} · Trunkline dev exchange</title>\n  \
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n  \
         <link rel=\"stylesheet\" href=\"/css/base.css\">\n  \
         <link rel=\"stylesheet\" href=\"/css/issuer.css\">\n</head>\n<body>\n  \
         <main class=\"issuer\">\n{body}  </main>\n</body>\n</html>\n"
    );
    (status, [NOT_STORED, (CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use trunkline_clock::Timestamp;
    use trunkline_policy::ObjectId;

    use super::*;

    #[tokio::test]
    async fn the_page_lists_as_many_as_a_person_looks_through_and_says_how_many_more_there_are() {
        let query = format!(
            "response_type=code&client_id=app&redirect_uri=https://localhost/app/\
             &code_challenge_method=S256&code_challenge={}",
            "x".repeat(43)
        );
        let asked = Authorization::read(&query, "https://localhost", "https://localhost/adfs");
        let Ok(asked) = asked else { panic!("a request that is granted") };
        let user: ObjectId = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let users: Vec<_> = (0..USER_LIMIT + 2)
            .map(|number| User {
                identifier: user.identifier(),
                display_name: None,
                alias: Some(format!("user{number}")),
                created_at: Timestamp::UNIX_EPOCH,
            })
            .collect();
        let shown = async |users: &[User]| {
            let body = people(&asked, users, "https://localhost/app/").into_body();
            String::from_utf8(to_bytes(body, 1_000_000).await.unwrap().to_vec()).unwrap()
        };
        let all = shown(&users).await;
        assert_eq!(all.matches("<li>").count(), USER_LIMIT);
        assert!(all.contains("The directory has 2 more who are not listed."), "{all}");
        let few = shown(&users[..USER_LIMIT]).await;
        assert_eq!(few.matches("<li>").count(), USER_LIMIT);
        assert!(!few.contains("not listed"), "{few}");
    }
}
