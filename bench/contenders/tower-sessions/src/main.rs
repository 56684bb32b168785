fn main() {
    bench_tower_sessions::run();
}
