//! The machines of both ends as a C function, linked without the standard library: no operating system is asked for
//! anything but memory.
//!
//! A crate that brings `std` in would bring another panic handler in, too, and this one would not link.
#![no_std]

extern crate alloc;

mod runtime;
mod world;

/// Links a gateway to a connector's session, delivers, cuts the wire, and delivers again. Zero when all of it came out
/// as it must; otherwise the number of the step that did not.
#[unsafe(no_mangle)]
pub extern "C" fn relay_run() -> u32 {
    match world::run() {
        Ok(()) => 0,
        Err(step) => step,
    }
}
