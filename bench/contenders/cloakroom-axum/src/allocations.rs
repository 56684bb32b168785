//! The same requests, with a counting allocator.

fn main() {
    bench_cloakroom_axum::count_allocations(|work| {
        let counted = allocation_counter::measure(work);
        (counted.count_total, counted.bytes_total)
    });
}
