//! `trunkline user`: the users of a running exchange.

use clap::Subcommand;
use serde_json::json;
use trunkline_proto::identity::v1::{
    CreateUserRequest, DeleteUserRequest, ListUsersRequest, ListUsersResponse, User,
};

use crate::RemoteArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Remote, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline user`.
#[derive(Debug, clap::Args)]
pub(crate) struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Create an app user.
    Create,
    /// Delete an app user: its tokens are invalid at once.
    Delete {
        /// Its raw id.
        user: String,
    },
    /// List directory users by alias, then app users by age.
    List,
}

pub(crate) async fn run(arguments: UserArguments, output: &Output) -> Result<(), Failure> {
    let remote = Remote::connect(&arguments.remote).await?;
    let mut identity = remote.identity()?;
    match arguments.command {
        UserCommand::Create => {
            let request = CreateUserRequest { scopes: Vec::new(), expires_in: None };
            let created = identity.create_user(request).await.map_err(from_status)?.into_inner();
            let user = created.user.unwrap_or_default();
            output.print(raw_id(&user), || to_json(USER, &user));
        }
        UserCommand::Delete { user } => {
            let request = DeleteUserRequest { user: user.clone() };
            identity.delete_user(request).await.map_err(from_status)?;
            output.print(format!("deleted {user}"), || json!({"deleted": user}));
        }
        UserCommand::List => {
            let mut page_token = String::new();
            loop {
                let request = ListUsersRequest { page_size: PAGE, page_token };
                let listed = identity.list_users(request).await.map_err(from_status)?;
                let ListUsersResponse { users, next_page_token } = listed.into_inner();
                for user in &users {
                    let line =
                        format!("{:<10} {:<20} {}", user.alias, user.display_name, raw_id(user));
                    output.print(line, || to_json(USER, user));
                }
                if next_page_token.is_empty() {
                    break;
                }
                page_token = next_page_token;
            }
        }
    }
    Ok(())
}

fn raw_id(user: &User) -> &str {
    user.identifier.as_ref().map(|identifier| identifier.raw_id.as_str()).unwrap_or_default()
}

const USER: &str = "trunkline.identity.v1.User";

/// As many as the exchange returns at once.
const PAGE: i32 = 1_000;
