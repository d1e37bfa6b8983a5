//! `relay-tests`: the exhaustive model by hand.

use std::process::ExitCode;

use relay_tests::model::{self, Row, World};

/// The exit codes of `sysexits.h`.
const USAGE: u8 = 64;
const UNAVAILABLE: u8 = 69;

const HELP: &str = "\
Explores small worlds in which the real gateway and the real connector session meet, and in which everything that
can happen does, in every order. Every rule marked [M] in docs/rules.md must hold in every state.

    relay-tests worlds                            lists the worlds
    relay-tests check [--deep] [--markdown] [WORLD...]
                                                  explores these worlds, or all quick ones, or all deep ones too
    relay-tests explore [WORLD] [--address ADDRESS:PORT]
                                                  opens a world in the browser, step by step (127.0.0.1:3000)
    relay-tests diagrams                          writes docs/states.md anew

A WORLD is named as in the list, in quotes where its name has blanks. Exit codes: 0 all rules hold; 1 one does not,
and the shortest trace to it is shown; 64 wrong arguments; 69 the address cannot be served at.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match &arguments[..] {
        [] | ["help" | "--help" | "-h", ..] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        ["worlds"] => Ok(list()),
        ["check", rest @ ..] => check(rest),
        ["explore", rest @ ..] => explore(rest),
        ["diagrams"] => diagrams(),
        [command @ ("worlds" | "diagrams"), ..] => {
            Err(Trouble::usage(format!("{command} takes no arguments")))
        }
        [other, ..] => Err(Trouble::usage(format!("unknown command {other:?}; relay-tests help lists them"))),
    };
    done.unwrap_or_else(|trouble| {
        eprintln!("relay-tests: {}", trouble.words);
        ExitCode::from(trouble.code)
    })
}

/// Why nothing was done, and the exit code for it.
struct Trouble {
    code: u8,
    words: String,
}

impl Trouble {
    fn usage(words: impl Into<String>) -> Self {
        Self { code: USAGE, words: words.into() }
    }

    fn unavailable(words: String) -> Self {
        Self { code: UNAVAILABLE, words }
    }
}

fn list() -> ExitCode {
    for (kind, worlds) in [("quick", model::quick()), ("deep", model::deep())] {
        for world in worlds {
            println!("{kind:<6} {}", world.name);
        }
    }
    ExitCode::SUCCESS
}

fn find(name: &str) -> Result<World, Trouble> {
    let mut worlds = model::quick().into_iter().chain(model::deep());
    let unknown = || Trouble::usage(format!("there is no world {name:?}; relay-tests worlds lists them"));
    worlds.find(|world| world.name == name).ok_or_else(unknown)
}

fn unknown_option(option: &str) -> Trouble {
    Trouble::usage(format!("unknown option {option}; relay-tests help lists them"))
}

fn check(arguments: &[&str]) -> Result<ExitCode, Trouble> {
    let (mut deep, mut markdown, mut worlds) = (false, false, Vec::new());
    for argument in arguments {
        match *argument {
            "--deep" => deep = true,
            "--markdown" => markdown = true,
            option if option.starts_with('-') => return Err(unknown_option(option)),
            name => worlds.push(find(name)?),
        }
    }
    if worlds.is_empty() {
        worlds = model::quick();
        worlds.extend(deep.then(model::deep).into_iter().flatten());
    } else if deep {
        return Err(Trouble::usage("--deep stands for all worlds: name none, or leave it out"));
    }
    let rows: Vec<Row> = worlds.into_iter().map(explored).collect();
    if markdown {
        println!("{}\n{}", model::world_table(&rows), model::rule_table(&rows));
    } else {
        println!("{}", model::plain_table(&rows));
    }
    let findings: Vec<_> = rows.iter().filter_map(|row| Some((row.world, row.finding.as_ref()?))).collect();
    for (world, finding) in &findings {
        let rules: Vec<_> = finding.rules.iter().map(|rule| rule.name()).collect();
        println!("{} in the world \"{world}\":\n{}", rules.join(" "), finding.diagram);
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Explores a world, and tells how it goes.
fn explored(world: World) -> Row {
    let name = world.name;
    let row = model::explore(world, |states| eprintln!("{name}: {states} states so far"));
    let verdict = if row.finding.is_some() { "a rule is BROKEN" } else { "all rules hold" };
    eprintln!("{name}: {} states in {:.1} s, {verdict}", row.unique, row.took.as_secs_f64());
    row
}

fn explore(arguments: &[&str]) -> Result<ExitCode, Trouble> {
    let (mut name, mut address) = (None, "127.0.0.1:3000");
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--address" => {
                let missing = || Trouble::usage("--address wants an ADDRESS:PORT");
                address = arguments.next().ok_or_else(missing)?;
            }
            option if option.starts_with('-') => return Err(unknown_option(option)),
            given if name.is_none() => name = Some(given),
            more => return Err(Trouble::usage(format!("one world at a time: {more:?} is one too many"))),
        }
    }
    let world = find(name.unwrap_or(model::quick()[0].name))?;
    if address.parse::<std::net::SocketAddr>().is_err() {
        return Err(Trouble::usage(format!("{address:?} is no ADDRESS:PORT")));
    }
    let name = world.name;
    let begun = || eprintln!("the world \"{name}\" is at http://{address}/ until you press Ctrl-C");
    let served = model::serve(world, address, begun);
    served.map_err(|error| Trouble::unavailable(format!("{address} cannot be served at: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the diagrams are, from the root of the project on.
const DIAGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/states.md");

fn diagrams() -> Result<ExitCode, Trouble> {
    let written = std::fs::write(DIAGRAMS, model::diagrams(model::drawn()));
    written.map_err(|error| Trouble::unavailable(format!("docs/states.md cannot be written: {error}")))?;
    eprintln!("docs/states.md is written");
    Ok(ExitCode::SUCCESS)
}
