//! The same requests, with a counting allocator.

fn main() {
    bench_harness::allocations::<bench_cloakroom_salvo::Peer>(|work| {
        let counted = allocation_counter::measure(work);
        (counted.count_total, counted.bytes_total)
    });
}
