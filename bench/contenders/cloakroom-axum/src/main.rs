fn main() {
    bench_cloakroom_axum::run();
}
