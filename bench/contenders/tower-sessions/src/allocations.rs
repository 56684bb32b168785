//! The same requests, with a counting allocator.

fn main() {
    bench_tower_sessions::count_allocations(|work| {
        let counted = allocation_counter::measure(work);
        (counted.count_total, counted.bytes_total)
    });
}
