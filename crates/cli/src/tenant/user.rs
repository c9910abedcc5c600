//! `trunkline tenant user`: the users of a directory.

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use trunkline_proto::admin::v1::{
    CoexistenceMode, DeleteDirectoryUserRequest, DirectoryUser, License, ListDirectoryUsersRequest,
    SetDirectoryUserRequest,
};

use super::Admin;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::from_status;
use crate::wire_json::to_json;

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// List the users, by alias.
    List,
    /// Add a user, or replace the one of the same object id.
    Set(SetArguments),
    /// Remove a user and revoke its tokens.
    Remove {
        /// An alias, an object id or a raw id.
        user: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct SetArguments {
    /// The short sign-in name.
    alias: String,
    /// The name shown to others.
    display_name: String,
    /// The directory's own id; drawn when left out.
    #[arg(long)]
    object_id: Option<String>,
    /// Groups to which the user belongs, separated by commas.
    #[arg(long, value_delimiter = ',')]
    groups: Vec<String>,
    /// What the user is licensed for, separated by commas.
    #[arg(long, value_delimiter = ',')]
    licenses: Vec<LicenseName>,
    /// Which client the user's calls and chats go to.
    #[arg(long, default_value = "teams-only")]
    mode: Mode,
    /// The segment of the user, where barriers are used.
    #[arg(long, default_value = "")]
    segment: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LicenseName {
    AudioConferencing,
    EnterpriseVoice,
    Teams,
    TeamsPhone,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Islands,
    SfbOnly,
    SfbWithTeamsCollab,
    SfbWithTeamsCollabAndMeetings,
    TeamsOnly,
}

pub(super) async fn run(
    command: DirectoryCommand,
    tenant: String,
    admin: &mut Admin,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        DirectoryCommand::List => {
            let request = ListDirectoryUsersRequest { tenant };
            let listed = admin.list_directory_users(request).await.map_err(from_status)?;
            listed.into_inner().users.iter().for_each(|user| show(user, output));
        }
        DirectoryCommand::Set(arguments) => {
            let directory_user = Some(arguments.user());
            let request = SetDirectoryUserRequest { tenant, directory_user };
            let set = admin.set_directory_user(request).await.map_err(from_status)?;
            show(&set.into_inner().directory_user.unwrap_or_default(), output);
        }
        DirectoryCommand::Remove { user } => {
            let request = DeleteDirectoryUserRequest { tenant, user: user.clone() };
            admin.delete_directory_user(request).await.map_err(from_status)?;
            output.print(format!("removed {user}"), || json!({"removed": user}));
        }
    }
    Ok(())
}

impl SetArguments {
    fn user(self) -> DirectoryUser {
        let licenses = self.licenses.into_iter().map(|license| match license {
            LicenseName::AudioConferencing => License::AudioConferencing.into(),
            LicenseName::EnterpriseVoice => License::EnterpriseVoice.into(),
            LicenseName::Teams => License::Teams.into(),
            LicenseName::TeamsPhone => License::TeamsPhone.into(),
        });
        let mode = match self.mode {
            Mode::Islands => CoexistenceMode::Islands,
            Mode::SfbOnly => CoexistenceMode::SfbOnly,
            Mode::SfbWithTeamsCollab => CoexistenceMode::SfbWithTeamsCollab,
            Mode::SfbWithTeamsCollabAndMeetings => CoexistenceMode::SfbWithTeamsCollabAndMeetings,
            Mode::TeamsOnly => CoexistenceMode::TeamsOnly,
        };
        DirectoryUser {
            object_id: self.object_id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
            alias: self.alias,
            display_name: self.display_name,
            groups: self.groups,
            licenses: licenses.collect(),
            mode: mode.into(),
            segment: self.segment,
            identifier: None,
        }
    }
}

fn show(user: &DirectoryUser, output: &Output) {
    let licenses: Vec<&str> = user.licenses().map(|license| license.as_str_name()).collect();
    let line = format!(
        "{:<10} {:<20} {} {}",
        user.alias,
        user.display_name,
        user.object_id,
        licenses.join(",").replace("LICENSE_", "").to_lowercase()
    );
    output.print(line.trim_end(), || to_json("trunkline.admin.v1.DirectoryUser", user));
}
