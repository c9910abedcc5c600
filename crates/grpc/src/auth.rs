//! Who a request comes from: access keys for administration, bearer tokens for users.

use tonic::Status;
use tonic::metadata::MetadataMap;
use trunkline_ids::ResourceId;
use trunkline_node::{Admin, AdminKeyError, Node, TokenClaims};

use crate::status;

/// Returns the resource whose access key a request carries.
pub(crate) fn require_access_key(
    node: &Node,
    metadata: &MetadataMap,
) -> Result<ResourceId, Status> {
    let key = credential(metadata, "AccessKey ")?;
    node.resources()
        .find_by_key_text(key)
        .ok_or_else(|| Status::unauthenticated("the access key is not one of this resource"))
}

/// Lets a request through that carries an access key of the exchange's own resource, and returns
/// what administrators use.
pub(crate) fn require_own_access_key(node: &Node, metadata: &MetadataMap) -> Result<Admin, Status> {
    let key = credential(metadata, "AccessKey ")?;
    node.admin_with_key(key).map_err(|error| match error {
        AdminKeyError::OtherResource => Status::permission_denied(error.to_string()),
        AdminKeyError::Unknown => Status::unauthenticated(error.to_string()),
    })
}

/// Returns whether a request says that it carries an access key, whichever.
pub(crate) fn has_access_key(metadata: &MetadataMap) -> bool {
    credential(metadata, "AccessKey ").is_ok()
}

/// Returns whose token a request carries.
pub(crate) async fn require_token(
    node: &Node,
    metadata: &MetadataMap,
) -> Result<TokenClaims, Status> {
    let token = credential(metadata, "Bearer ")?;
    node.identity().verify(token, node.clock().wall()).await.map_err(status::token)
}

fn credential<'a>(metadata: &'a MetadataMap, scheme: &str) -> Result<&'a str, Status> {
    let refused =
        || Status::unauthenticated(format!("metadata `authorization: {scheme}…` is needed here"));
    let mut values = metadata.get_all("authorization").iter();
    let value = values.next().ok_or_else(refused)?;
    // Two credentials in one request: whose request would it be?
    if values.next().is_some() {
        return Err(Status::unauthenticated("one `authorization` is enough"));
    }
    let text = value.to_str().map_err(|_| refused())?;
    let (given, credential) = text.split_at_checked(scheme.len()).ok_or_else(refused)?;
    match given.eq_ignore_ascii_case(scheme) {
        true => Ok(credential.trim()),
        false => Err(refused()),
    }
}
