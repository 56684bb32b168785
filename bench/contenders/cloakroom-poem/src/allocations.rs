//! The same requests, with a counting allocator.

fn main() {
    bench_harness::allocations::<bench_cloakroom_poem::Peer>(|work| {
        let counted = allocation_counter::measure(work);
        (counted.count_total, counted.bytes_total)
    });
}
