fn main() {
    bench_tower_sessions_stores::run();
}
