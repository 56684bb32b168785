// A value of another type than that of its key.
//~ expected `u64`, found `&str`

const USER: cloakroom::SessionKey<u64> = cloakroom::SessionKey::new("user");

fn main() {
    let _ = cloakroom::Session::for_tests().insert(USER, "anna");
}
