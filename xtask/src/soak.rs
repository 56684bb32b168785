//! `cargo xtask soak`: random faults on every store, for a given time.

use std::process::Command;

use crate::outcome::Outcome;
use crate::provision::{self, MARIADB, Need, PGBOUNCER, POSTGRES, REDIS};
use crate::shell;

/// The stores' servers.
const NEEDS: &[Need] = &[POSTGRES, PGBOUNCER, MARIADB, REDIS];

const MINUTES: u32 = 10;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let asked = parse(arguments)?;
    let mut variables = provision::provide(NEEDS)?;
    variables.extend(provision::newer::provide()?);
    variables.extend(provision::emulator::provide()?);
    let mut command: Command = shell::cargo();
    command.args(["test", "--package", "cloakroom-probe", "--test", "matrix", "--", "--exact", "soak", "--nocapture"]);
    command.envs(variables).env("CLOAKROOM_SOAK", asked.minutes.to_string());
    if let Some(seed) = asked.seed {
        command.env("CLOAKROOM_SEED", seed.to_string());
    }
    command.env("CLOAKROOM_MATRIX", asked.stores.join(" "));
    shell::succeed(&mut command)
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    minutes: u32,
    seed: Option<u64>,
    /// All stores if empty.
    stores: Vec<String>,
}

fn parse(arguments: &[String]) -> Outcome<Asked> {
    let mut asked = Asked { minutes: MINUTES, seed: None, stores: Vec::new() };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let number = arguments.next().and_then(|number| number.parse().ok());
            number.ok_or_else(|| format!("`{argument}` needs a number"))
        };
        match argument.as_str() {
            "--minutes" => asked.minutes = u32::try_from(number()?).map_err(|_| "too many minutes")?,
            "--seed" => asked.seed = Some(number()?),
            option if option.starts_with('-') => return Err(format!("`soak` has no option `{option}`")),
            store => asked.stores.push(store.to_owned()),
        }
    }
    if asked.minutes == 0 {
        return Err("a soak of no minutes tests nothing".to_owned());
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};

    #[test]
    fn arguments() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let asked = |minutes, seed, stores| Ok(Asked { minutes, seed, stores: words(stores) });
        let table = [
            ("nothing", "", asked(10, None, "")),
            ("minutes", "--minutes 5", asked(5, None, "")),
            ("a seed and stores", "redis --seed 7 file", asked(10, Some(7), "redis file")),
            ("no number", "--minutes", Err("`--minutes` needs a number".to_owned())),
            ("no minutes", "--minutes 0", Err("a soak of no minutes tests nothing".to_owned())),
            ("unknown", "--hours 1", Err("`soak` has no option `--hours`".to_owned())),
        ];
        for (row, arguments, expected) in table {
            assert_eq!(parse(&words(arguments)), expected, "{row}");
        }
    }
}
