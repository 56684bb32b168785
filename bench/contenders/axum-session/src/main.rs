fn main() {
    bench_axum_session::run();
}
