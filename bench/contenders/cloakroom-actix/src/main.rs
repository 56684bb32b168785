fn main() {
    bench_cloakroom_actix::run();
}
