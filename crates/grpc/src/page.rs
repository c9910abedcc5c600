//! Pages: what a request wants, and where the next one begins.

use tonic::Status;
use trunkline_node::PageCursor;

use crate::status;

/// What a request for a page wants.
pub(crate) struct Wanted {
    pub(crate) after: Option<PageCursor>,
    pub(crate) limit: usize,
}

/// Reads what is wanted. The node bounds the limit from above.
pub(crate) fn wanted(page_size: i32, page_token: &str) -> Result<Wanted, Status> {
    let limit = match usize::try_from(page_size) {
        Ok(0) => DEFAULT_LIMIT,
        Ok(limit) => limit,
        Err(_) => return Err(status::malformed("page_size")),
    };
    let after = match page_token {
        "" => None,
        token => Some(token.parse().map_err(|_| status::malformed("page_token"))?),
    };
    Ok(Wanted { after, limit })
}

/// Reads what is wanted of a list that is counted off.
pub(crate) fn skip(page_size: i32, page_token: &str) -> Result<(usize, usize), Status> {
    let Wanted { after, limit } = wanted(page_size, page_token)?;
    let skip = place(after)?.unwrap_or_default();
    Ok((usize::try_from(skip).unwrap_or(usize::MAX), limit))
}

/// Returns the place that a cursor stands for.
pub(crate) fn place(cursor: Option<PageCursor>) -> Result<Option<u64>, Status> {
    let place = |cursor: PageCursor| cursor.to_string().parse();
    cursor.map(place).transpose().map_err(|_| status::malformed("page_token"))
}

/// Returns the token of the next page; empty after the last.
pub(crate) fn token(next: Option<PageCursor>) -> String {
    next.map(|place| place.to_string()).unwrap_or_default()
}

/// Long enough that few lists take a second page.
const DEFAULT_LIMIT: usize = 100;
