fn main() {
    bench_harness::main::<bench_tower_sessions_stores::Peer>();
}
