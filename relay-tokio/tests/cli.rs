//! The `relay` program from outside: what it takes, what it says, and how it ends.
#![cfg(feature = "cli")]

mod cli {
    mod agent;
    mod bounds;
    mod connector;
    mod demo;
    mod endings;
    mod exec;
    mod house;
    mod http;
    mod precedence;
    mod process;
    mod program;
    mod secrets;
    mod settings;
    mod sleeping;
    mod stand_in;
    #[cfg(target_os = "linux")]
    mod terminal;
    mod token;
    mod usage;
}
