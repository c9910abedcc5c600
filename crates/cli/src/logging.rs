//! What goes into the log: what was asked for, and never what people write to each other.

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

/// Makes the log of a process: directives as `--log` takes them, the writer, and whether lines have
/// colors.
///
/// # Errors
/// When the text is no list of directives.
pub fn log<W>(
    directives: &str,
    writer: W,
    colors: Colors,
) -> Result<impl Subscriber + Send + Sync, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(directives)?;
    let lines = fmt::layer().with_writer(writer).with_ansi(colors == Colors::On);
    Ok(registry().with(filter).with(filter_fn(is_discreet)).with(lines.boxed()))
}

/// Whether lines of a log have colors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colors {
    /// For a file or a pipe.
    Off,
    /// For a terminal.
    On,
}

fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let library = metadata.target().split("::").next().unwrap_or_default();
    !INDISCREET.contains(&library)
}

/// Libraries that log what they are given whole: frames with messages and tokens, and messages that
/// are markup. No directive lets them speak.
const INDISCREET: [&str; 3] = ["html5ever", "markup5ever", "tungstenite"];
