//! What a program without the standard library brings itself: memory, and an end when something panics.

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;
use core::panic::PanicInfo;

unsafe extern "C" {
    fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
    fn abort() -> !;
}

/// The memory of the C library.
struct CMemory;

// SAFETY: `aligned_alloc` gives memory of this size and alignment that is nobody else's until it is freed, or null.
unsafe impl GlobalAlloc for CMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // The alignment must be one that the C library knows, and the size a multiple of it.
        let alignment = layout.align().max(size_of::<*const c_void>());
        let Some(size) = layout.size().checked_next_multiple_of(alignment) else {
            return core::ptr::null_mut();
        };
        // SAFETY: the arguments are as the C library wants them.
        unsafe { aligned_alloc(alignment, size).cast() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the caller got it from `alloc`, and gives it back once.
        unsafe { free(memory.cast()) }
    }
}

#[global_allocator]
static MEMORY: CMemory = CMemory;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it needs nothing and does not come back.
    unsafe { abort() }
}

/// Rust's own libraries come compiled, and name what would look at a frame while unwinding. Nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
