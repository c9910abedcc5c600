//! `trunkline token`: an access token from a running exchange.

use serde_json::json;
use trunkline_proto::identity::v1::{CreateUserRequest, IssueTokenRequest, TokenScope};

use crate::RemoteArguments;
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;
use crate::remote::{Remote, from_status};

/// Options of `trunkline token`.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArguments {
    /// Whose token: an alias such as `bob`, a raw id, or nothing for a new app user.
    user: Option<String>,
    /// What it may be used for.
    #[arg(long, value_delimiter = ',', default_value = "voip,chat")]
    scopes: Vec<String>,
    /// Its life in minutes, 60 to 1440.
    #[arg(long, default_value_t = 1_440)]
    minutes: u32,
    #[command(flatten)]
    remote: RemoteArguments,
}

pub(crate) async fn run(arguments: TokenArguments, output: &Output) -> Result<(), Failure> {
    let scopes = arguments
        .scopes
        .iter()
        .map(|name| scope(name).map(i32::from))
        .collect::<anyhow::Result<Vec<i32>>>()
        .in_family(Family::Usage)?;
    let remote = Remote::connect(&arguments.remote).await?;
    let mut identity = remote.identity()?;
    let user = match arguments.user {
        Some(user) => user,
        None => {
            let request = CreateUserRequest { scopes: Vec::new(), expires_in: None };
            let created = identity.create_user(request).await.map_err(from_status)?;
            created
                .into_inner()
                .user
                .and_then(|user| user.identifier)
                .map(|identifier| identifier.raw_id)
                .ok_or_else(|| anyhow::anyhow!("the exchange created a user without a name"))?
        }
    };
    let life = prost_types::Duration { seconds: i64::from(arguments.minutes) * 60, nanos: 0 };
    let request = IssueTokenRequest { user, scopes, expires_in: Some(life) };
    let issued = identity.issue_token(request).await.map_err(from_status)?.into_inner();
    let raw_id =
        issued.user.and_then(|user| user.identifier).map(|id| id.raw_id).unwrap_or_default();
    let token = issued
        .access_token
        .ok_or_else(|| anyhow::anyhow!("the exchange answered without a token"))?;
    // Only the token on standard output, so that it can be captured; the rest explains.
    if !output.is_json() {
        eprintln!("token of {raw_id}");
    }
    output.print(&token.token, || json!({"user": raw_id, "token": token.token}));
    Ok(())
}

fn scope(name: &str) -> anyhow::Result<TokenScope> {
    Ok(match name {
        "chat" => TokenScope::Chat,
        "chat.join" => TokenScope::ChatJoin,
        "chat.join.limited" => TokenScope::ChatJoinLimited,
        "voip" => TokenScope::Voip,
        "voip.join" => TokenScope::VoipJoin,
        other => anyhow::bail!(
            "`{other}` is no scope: use chat, chat.join, chat.join.limited, voip or voip.join"
        ),
    })
}
