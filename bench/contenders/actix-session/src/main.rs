fn main() {
    bench_actix_session::run();
}
