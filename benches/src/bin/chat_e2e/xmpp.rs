//! XMPP with little around it: a stream, a room, and stanzas that are looked at as bytes.

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use crate::arrivals::{Arrivals, Scanner, find};
use crate::tls::{PATIENCE, TlsStream};

/// Somebody who has signed in.
pub(crate) struct Session {
    reader: Reader,
    writer: Writer,
}

/// The half that reads.
pub(crate) struct Reader {
    stream: ReadHalf<TlsStream>,
    /// What was read beyond what was waited for.
    rest: Vec<u8>,
}

/// The half that writes.
pub(crate) struct Writer {
    stream: WriteHalf<TlsStream>,
}

impl Session {
    pub(crate) async fn open(stream: TlsStream) -> Result<Self> {
        let (reading, writing) = tokio::io::split(stream);
        let reader = Reader { stream: reading, rest: Vec::new() };
        let mut session = Self { reader, writer: Writer { stream: writing } };
        session.say(STREAM, "</stream:features>").await?;
        session.say(SASL, "<success").await?;
        session.say(STREAM, "</stream:features>").await?;
        let bind = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
        session.say(bind, "</iq>").await?;
        Ok(session)
    }

    /// Is there, in no room.
    pub(crate) async fn appear(&mut self) -> Result<()> {
        self.say("<presence/>", "<presence").await.map(drop)
    }

    /// Enters the room, which is made for the first.
    pub(crate) async fn join(&mut self, number: usize) -> Result<()> {
        let enter = format!(
            "<presence to='{ROOM}/member-{number}'><x xmlns='http://jabber.org/protocol/muc'>\
             <history maxchars='0'/></x></presence>"
        );
        // The subject is the last thing that whoever enters is told.
        self.say(&enter, "<subject").await.map(drop)
    }

    /// Returns how many messages the room's archive holds.
    pub(crate) async fn archived(&mut self) -> Result<usize> {
        self.join(999_999).await?;
        let query = format!(
            "<iq type='set' id='mam' to='{ROOM}'><query xmlns='urn:xmpp:mam:2'>\
             <set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set></query></iq>"
        );
        let answer = String::from_utf8(self.say(&query, "</iq>").await?)?;
        let count = answer.split_once("<count>").and_then(|(_, rest)| rest.split_once('<'));
        Ok(count.with_context(|| format!("no count in {answer}"))?.0.parse()?)
    }

    pub(crate) fn split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }

    /// Writes something and reads up to and with a pattern.
    async fn say(&mut self, text: &str, until: &str) -> Result<Vec<u8>> {
        let reader = &mut self.reader;
        let answer = async {
            self.writer.write(text).await?;
            reader.read_past(until).await
        };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer,
            Err(_) => bail!(
                "no {until} within {PATIENCE:?} of {text}, but: {}",
                String::from_utf8_lossy(&self.reader.rest)
            ),
        }
    }
}

impl Reader {
    async fn read_past(&mut self, pattern: &str) -> Result<Vec<u8>> {
        loop {
            // First: a refusal may end as an answer does.
            let is_refused =
                REFUSALS.iter().any(|refusal| find(&self.rest, refusal.as_bytes()).is_some());
            ensure!(!is_refused, "refused: {}", String::from_utf8_lossy(&self.rest));
            if let Some(at) = find(&self.rest, pattern.as_bytes()) {
                let beyond = self.rest.split_off(at + pattern.len());
                return Ok(std::mem::replace(&mut self.rest, beyond));
            }
            if self.stream.read_buf(&mut self.rest).await? == 0 {
                bail!("closed before {pattern}: {}", String::from_utf8_lossy(&self.rest));
            }
        }
    }

    /// Reads until the connection ends, which it should not.
    pub(crate) async fn listen(mut self, arrivals: &Arrivals) -> Result<()> {
        let mut scanner = Scanner::new(arrivals);
        let mut bytes = vec![0; 16 * 1024];
        loop {
            match self.stream.read(&mut bytes).await? {
                0 => bail!("the stream was closed"),
                length => scanner.read(bytes.get(..length).unwrap_or_default()),
            }
        }
    }
}

impl Writer {
    /// Says something in the room.
    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        let body = format!("<message to='{ROOM}' type='groupchat'><body>{text}</body></message>");
        self.write(&body).await
    }

    async fn write(&mut self, text: &str) -> Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }
}

const ROOM: &str = "measured@rooms.localhost";

const STREAM: &str = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";

const SASL: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";

const REFUSALS: [&str; 3] = ["<failure", "stream:error", "type='error'"];
