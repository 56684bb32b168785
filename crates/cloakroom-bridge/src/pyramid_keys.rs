//! The keys that Pyramid uses in a session's dictionary.

use cloakroom_session::Error;
use cloakroom_session::factory::{CsrfScheme, Json};

use crate::csrf::Plain;
use crate::layout::{Layout, Queue, Spelling};

/// The prefix of the keys of flash queues; the default queue's name is empty.
const FLASH: &str = "_f_";

/// Keys of Pyramid's own session factories and compatible ones.
#[derive(Debug)]
pub(crate) struct PyramidKeys {
    pub(crate) framework: &'static str,
    /// Keys that a factory keeps for itself in the dictionary.
    pub(crate) hidden: &'static [&'static str],
}

impl Layout for PyramidKeys {
    fn framework(&self) -> &'static str {
        self.framework
    }

    fn spelling(&self) -> Spelling {
        Spelling { comma: ", ", colon: ": ", ascii: false }
    }

    fn csrf_key(&self) -> Option<&'static str> {
        Some("_csrft_")
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        Some(&Plain)
    }

    fn is_hidden(&self, key: &str) -> bool {
        self.hidden.contains(&key)
    }

    fn flash_key(&self, queue: &str) -> String {
        format!("{FLASH}{queue}")
    }

    fn read_flashes(&self, key: &str, value: &Json) -> Option<Vec<(String, Json)>> {
        let queue = key.strip_prefix(FLASH)?;
        Some(value.elements()?.into_iter().map(|body| (queue.to_owned(), body)).collect())
    }

    fn write_flashes(&self, _: &str, queues: &[Queue<'_>], _: Option<&Json>) -> Result<String, Error> {
        Ok(self.spelling().array(queues.iter().flat_map(|(_, bodies)| bodies).map(|body| body.as_str())))
    }
}
