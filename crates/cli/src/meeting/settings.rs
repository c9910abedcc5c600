//! The settings of a meeting as options, and as text.

use std::fmt::Write as _;

use clap::ValueEnum;
use trunkline_proto::meetings::v1::{
    AllowedPresenters, LobbyBypass, MeetingPermission, MeetingSettings,
};

/// What is to be set; the rest stays as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Changes {
    /// Who does not wait in the lobby.
    #[arg(long, value_enum)]
    lobby: Option<Lobby>,
    /// Who presents without being given the role.
    #[arg(long, value_enum)]
    present: Option<Presenters>,
    /// Who may unmute.
    #[arg(long, value_enum)]
    unmute: Option<Permission>,
    /// Who may send video.
    #[arg(long, value_enum)]
    video: Option<Permission>,
    /// Who may share a screen.
    #[arg(long, value_enum)]
    share: Option<Permission>,
    /// Who may raise a hand and react.
    #[arg(long, value_enum)]
    react: Option<Permission>,
    /// Whether phones do not wait in the lobby either.
    #[arg(long, value_name = "BOOL")]
    phones_bypass: Option<bool>,
    /// Whether those from outside may come in before a host is there.
    #[arg(long, value_name = "BOOL")]
    outsiders_may_start: Option<bool>,
}

/// Who does not wait in the lobby.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Lobby {
    Organizer,
    Invited,
    #[default]
    Organization,
    Federated,
    Everyone,
}

/// Who presents without being given the role.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Presenters {
    Everyone,
    Organization,
    /// Those who were given the role.
    Named,
    Organizer,
}

/// Which roles may do something.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Permission {
    Everyone,
    Presenters,
    Hosts,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            lobby,
            present,
            unmute,
            video,
            share,
            react,
            phones_bypass,
            outsiders_may_start,
        } = self;
        let permissions = [unmute, video, share, react];
        lobby.is_none()
            && present.is_none()
            && permissions.iter().all(|permission| permission.is_none())
            && phones_bypass.is_none()
            && outsiders_may_start.is_none()
    }

    pub(super) fn apply(&self, settings: &mut MeetingSettings) {
        if let Some(lobby) = self.lobby {
            settings.lobby_bypass = lobby.wire().into();
        }
        if let Some(presenters) = self.present {
            settings.allowed_presenters = presenters.wire().into();
        }
        for (field, wanted) in [
            (&mut settings.unmuting, self.unmute),
            (&mut settings.video, self.video),
            (&mut settings.sharing, self.share),
            (&mut settings.reactions, self.react),
        ] {
            if let Some(permission) = wanted {
                *field = permission.wire().into();
            }
        }
        settings.phones_bypass = self.phones_bypass.unwrap_or(settings.phones_bypass);
        settings.outsiders_may_start =
            self.outsiders_may_start.unwrap_or(settings.outsiders_may_start);
    }
}

/// Says the settings line by line, in the words of the options.
pub(super) fn text_of(settings: &MeetingSettings) -> String {
    let lobby = Lobby::value_variants().iter().find(|l| l.wire() == settings.lobby_bypass());
    let presenters =
        Presenters::value_variants().iter().find(|p| p.wire() == settings.allowed_presenters());
    let mut text = format!("lobby                {}", word(lobby));
    let _ = write!(text, "\npresent              {}", word(presenters));
    for (name, permission) in [
        ("unmute", settings.unmuting()),
        ("video", settings.video()),
        ("share", settings.sharing()),
        ("react", settings.reactions()),
    ] {
        let known = Permission::value_variants().iter().find(|p| p.wire() == permission);
        let _ = write!(text, "\n{name:<20} {}", word(known));
    }
    let _ = write!(text, "\nphones-bypass        {}", settings.phones_bypass);
    let _ = write!(text, "\noutsiders-may-start  {}", settings.outsiders_may_start);
    text
}

/// Returns a value as it is typed; of a later version's there is no word.
fn word<T: ValueEnum>(value: Option<&T>) -> String {
    let value = value.and_then(ValueEnum::to_possible_value);
    value.map_or("?".to_owned(), |value| value.get_name().to_owned())
}

impl Lobby {
    pub(super) fn wire(self) -> LobbyBypass {
        match self {
            Self::Everyone => LobbyBypass::Everyone,
            Self::Federated => LobbyBypass::OrganizationAndFederated,
            Self::Invited => LobbyBypass::Invited,
            Self::Organization => LobbyBypass::Organization,
            Self::Organizer => LobbyBypass::Organizer,
        }
    }
}

impl Presenters {
    fn wire(self) -> AllowedPresenters {
        match self {
            Self::Everyone => AllowedPresenters::Everyone,
            Self::Named => AllowedPresenters::RoleIsPresenter,
            Self::Organization => AllowedPresenters::Organization,
            Self::Organizer => AllowedPresenters::Organizer,
        }
    }
}

impl Permission {
    fn wire(self) -> MeetingPermission {
        match self {
            Self::Everyone => MeetingPermission::Everyone,
            Self::Hosts => MeetingPermission::Hosts,
            Self::Presenters => MeetingPermission::Presenters,
        }
    }
}
