//! Two and three concurrent requests of a session that is bound to a device, in every order of
//! their store calls, within one process and across several.

use std::sync::Arc;

use cloakroom_session::adapter::RequestHead as _;
use cloakroom_session::{DeviceProof, Engine, Session};
use cloakroom_store::MemoryStore;

use crate::browser::{Answer, BOUND as COOKIE, Head, REFRESH, call, visit};
use crate::explorer::{Task, explore};
use crate::world::{BOUND, Gated, NAME, NOW, OFFERED, Start, crashing, engine, records, seconds};

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A navigation whose handler writes.
    Write,
    /// The registration, or the refresh, with the browser's proof.
    Prove,
    /// The same by a process that crashes in this store call. The browser sends it again.
    ProveTwice(usize),
    /// A refresh without a proof.
    Ask,
    /// A handler that calls `reauthenticated`, which gives the session a new id.
    Cycle,
    /// A handler that calls `bind_device` again.
    OfferAgain,
    SignOut,
}

const ACTS: [Act; 10] = [
    Act::Write,
    Act::Prove,
    Act::ProveTwice(1),
    Act::ProveTwice(2),
    Act::ProveTwice(3),
    Act::ProveTwice(4),
    Act::Ask,
    Act::Cycle,
    Act::OfferAgain,
    Act::SignOut,
];

/// The acts of three concurrent requests without a crash.
const PLAIN: &[Act] = &[Act::Write, Act::Prove, Act::Ask, Act::Cycle, Act::OfferAgain, Act::SignOut];

/// The acts that are combined with a crash after a write.
const CALM: &[Act] = &[Act::Write, Act::Prove, Act::Cycle, Act::SignOut];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processes {
    One,
    OneEach,
}

/// The result of a request.
#[derive(Debug)]
struct Outcome {
    act: Act,
    /// The handler had the session, and its changes were committed.
    kept: bool,
    /// The handler had no session, because its id had moved.
    moved: bool,
    answers: Vec<Answer>,
}

impl Outcome {
    /// Returns the answers to a proof that was accepted.
    fn proven(&self) -> impl Iterator<Item = &Answer> {
        let proves = matches!(self.act, Act::Prove | Act::ProveTwice(_));
        self.answers.iter().filter(move |answer| proves && answer.status == 200)
    }
}

async fn request(start: &'static Start, act: Act, process: Arc<Engine>, healthy: Arc<Engine>) -> Outcome {
    let outcome = |answers| Outcome { act, kept: false, moved: false, answers };
    match act {
        Act::Prove => return outcome(vec![call(&process, &start.proving).await]),
        Act::ProveTwice(_) => {
            let first = call(&process, &start.proving).await;
            if first.status != 503 {
                return outcome(vec![first]);
            }
            return outcome(vec![first, call(&healthy, &start.proving).await]);
        }
        Act::Ask => return outcome(vec![call(&process, &start.browser.asking()).await]),
        Act::Write | Act::Cycle | Act::OfferAgain | Act::SignOut => {}
    }
    let opened = std::cell::RefCell::new(None);
    let handler = |session: &Session| {
        *opened.borrow_mut() = Some((session.clone(), session.id().is_some(), session.is_detached()));
        match act {
            Act::Write => session.update("writes", |writes: &mut u32| *writes += 1).unwrap(),
            Act::Cycle => session.reauthenticated(),
            Act::OfferAgain => session.bind_device().unwrap(),
            Act::Prove | Act::ProveTwice(_) | Act::Ask | Act::SignOut => session.invalidate(),
        }
    };
    let (_, answer) = visit(&process, &Head::get(&start.browser.jar), handler).await.unwrap();
    let (session, loaded, moved) = opened.into_inner().unwrap();
    Outcome { act, kept: loaded && !session.is_detached(), moved, answers: vec![answer] }
}

/// Checks the rules that must hold in every order.
fn check(start: &Start, store: &MemoryStore, outcomes: &[Outcome]) -> Result<(), String> {
    let registers = start.proving.target() != REFRESH;
    let kept = |act: Act| outcomes.iter().filter(|it| it.act == act && it.kept).count();
    let records = records(store);
    let ended = outcomes.iter().any(|it| it.act == Act::SignOut && (it.kept || it.moved || it.is_end()));
    if records.len() != usize::from(!ended) {
        return Err(format!("{} live sessions, and it was {}ended", records.len(), if ended { "" } else { "not " }));
    }
    // All answers to one proof are equal.
    let mut proven: Vec<Answer> = outcomes.iter().flat_map(Outcome::proven).cloned().collect();
    proven.dedup();
    if proven.len() > 1 {
        return Err("one proof has two different answers".to_owned());
    }
    let proven = proven.first();
    for answer in outcomes.iter().flat_map(|it| &it.answers) {
        // A browser that is told so gives up its key.
        let gives_up = matches!(answer.status, 400 | 401);
        if gives_up && !registers && !ended {
            return Err(format!("{} ends the browser's binding, and the session lives", answer.status));
        }
        // A registration is made once. Another one, or a handler, may have been faster.
        let is_registered = records.iter().any(|it| it.binding().is_some_and(|it| it.bound_at().is_some()));
        if gives_up && registers && !ended && !is_registered && kept(Act::Cycle) + kept(Act::OfferAgain) == 0 {
            return Err(format!("{} for a registration, and the offer is there", answer.status));
        }
    }
    let Some(record) = records.first() else { return Ok(()) };
    let binding = record.binding().ok_or("the binding is lost")?;
    let writes: u32 = record.get("writes").map_or(0, |json| json.decode("writes").unwrap());
    if writes as usize != kept(Act::Write) {
        return Err(format!("{} writes were acknowledged, the record has {writes}", kept(Act::Write)));
    }
    let (before, id) = start.browser.known.clone().unwrap_or_default();
    if !registers && binding.id().to_string() != id {
        return Err("the binding was replaced by another one".to_owned());
    }
    // A handler that has seen the binding without the bound cookie offers a new one.
    let offers: Vec<_> = outcomes.iter().flat_map(|it| &it.answers).filter_map(|it| it.offer.as_ref()).collect();
    if binding.bound_at().is_none() && !offers.is_empty() {
        let is_known = offers.iter().any(|(_, challenge)| *challenge == binding.challenge().expose());
        return if is_known && registers { Ok(()) } else { Err("no browser has the offer".to_owned()) };
    }
    // The answer of a process that has crashed is lost. The cookie isn't required then.
    let lost = outcomes.iter().any(|it| matches!(it.act, Act::ProveTwice(_)) && it.answers.len() == 2);
    let is_bound = binding.bound_at().is_some();
    if is_bound != (!registers || proven.is_some()) && !(is_bound && lost) {
        return Err("a registration was accepted and lost, or refused and stored".to_owned());
    }
    let Some(proven) = proven else {
        let unproven = binding.challenge().expose() == before;
        // The answer is lost, and the browser sends the proof again with the new id.
        let moved = lost && kept(Act::Cycle) > 0;
        return if unproven || moved || registers {
            Ok(())
        } else {
            Err("a challenge was used up by no proof".to_owned())
        };
    };
    // The binding in the record is the one after the proof, and not an older one.
    let (next, named) = proven.challenge.clone().ok_or("an answer without a challenge")?;
    if next != binding.challenge().expose() || named != binding.id().to_string() {
        return Err("the browser's next challenge isn't the record's".to_owned());
    }
    let cookie = proven.cookie(COOKIE).ok_or("an answer without the bound cookie")?;
    if binding.prove(Some(cookie), NOW).0 != DeviceProof::Fresh(NOW) {
        return Err("the bound cookie of the answer isn't valid".to_owned());
    }
    // A navigation that has sent the bound cookie starts the time after which it is required.
    let navigations = [Act::Write, Act::Cycle, Act::OfferAgain];
    let shown = !registers && navigations.into_iter().any(|act| kept(act) > 0);
    let armed = binding.prove(None, NOW + seconds(11)).0 == DeviceProof::Missing;
    if shown != armed {
        return Err(format!("the bound cookie was shown: {shown}, and is required: {armed}"));
    }
    Ok(())
}

impl Outcome {
    /// Returns whether the response of a sign-out removes the cookie of the session that it ended.
    fn is_end(&self) -> bool {
        let removes = |line: &String| line.starts_with(&format!("{NAME}=;"));
        self.act == Act::SignOut && self.answers.iter().flat_map(|it| &it.cookies).any(removes)
    }
}

/// Explores one combination. Returns the number of orders, and the failure in the first wrong one.
fn explore_acts(
    start: &'static Start,
    acts: &[Act],
    processes: Processes,
    ignores_versions: bool,
) -> (usize, Option<String>) {
    let mut wrong = None;
    let orders = explore(
        || {
            let store = start.store();
            // Three requests that also wait for their loads have half a million orders.
            let gated = || {
                let gated = Gated::new(Arc::clone(&store)).ignoring_versions(ignores_versions);
                gated.waiting_for_loads(acts.len() < 3)
            };
            let process = || engine(Arc::new(gated()), NOW);
            let shared = process();
            let tasks = acts.iter().map(|act| -> Task<Outcome> {
                let own = match (act, processes) {
                    (Act::ProveTwice(call), _) => crashing(Arc::new(gated().crashing_in(*call))),
                    (_, Processes::One) => Arc::clone(&shared),
                    (_, Processes::OneEach) => process(),
                };
                Box::pin(request(start, *act, own, Arc::clone(&shared)))
            });
            let tasks = tasks.collect();
            (store, tasks)
        },
        |store, outcomes| {
            if let Err(why) = check(start, store, &outcomes) {
                wrong.get_or_insert(format!("{acts:?}, {processes:?}: {why}\n{outcomes:#?}"));
            }
        },
    );
    (orders, wrong)
}

fn explore_all(start: &'static Start, all: &[Vec<Act>], ignores_versions: bool) -> (usize, Vec<String>) {
    let (mut orders, mut wrong) = (0, Vec::new());
    for acts in all {
        for processes in [Processes::One, Processes::OneEach] {
            let (count, why) = explore_acts(start, acts, processes, ignores_versions);
            orders += count;
            wrong.extend(why);
        }
    }
    (orders, wrong)
}

/// Returns all combinations of this many acts. The requests are interchangeable, so the order in
/// which they are listed doesn't matter. A session with an offer has nothing to refresh.
fn combinations(start: &Start, acts: &[Act], size: usize) -> Vec<Vec<Act>> {
    let acts: Vec<Act> = acts.iter().copied().filter(|act| start.browser.known.is_some() || *act != Act::Ask).collect();
    let mut all: Vec<Vec<Act>> = vec![vec![]];
    for _ in 0..size {
        let longer = |some: Vec<Act>| {
            let from = some.last().map_or(0, |last| acts.iter().position(|act| act == last).unwrap());
            acts[from..].iter().map(move |act| [some.as_slice(), &[*act]].concat()).collect::<Vec<_>>()
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    all
}

fn triples(start: &Start) -> Vec<Vec<Act>> {
    let crash = |calm: Vec<Act>| [calm, vec![Act::ProveTwice(2)]].concat();
    let crashes = combinations(start, CALM, 2).into_iter().map(crash);
    combinations(start, PLAIN, 3).into_iter().chain(crashes).collect()
}

fn none_is_wrong(name: &str, start: &'static Start, all: &[Vec<Act>], at_least: usize) {
    let (orders, wrong) = explore_all(start, all, false);
    println!("{orders} orders: {name}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(orders > at_least, "only {orders} orders: is there still a gate at each store call?");
}

#[test]
fn two_requests_of_a_bound_session_in_every_order() {
    none_is_wrong("two requests of a bound session", &BOUND, &combinations(&BOUND, &ACTS, 2), 2000);
}

#[test]
fn two_requests_of_a_session_with_an_offer_in_every_order() {
    none_is_wrong("two requests of a session with an offer", &OFFERED, &combinations(&OFFERED, &ACTS, 2), 2000);
}

#[test]
fn three_requests_of_a_bound_session_in_every_order() {
    none_is_wrong("three requests of a bound session", &BOUND, &triples(&BOUND), 7000);
}

#[test]
fn three_requests_of_a_session_with_an_offer_in_every_order() {
    none_is_wrong("three requests of a session with an offer", &OFFERED, &triples(&OFFERED), 4000);
}

/// The last writer wins: the write loses the registration, or the other way round.
#[test]
fn a_store_that_ignores_versions_is_detected() {
    for start in [&*OFFERED, &*BOUND] {
        let (_, wrong) = explore_all(start, &[vec![Act::Write, Act::Prove]], true);
        assert!(!wrong.is_empty(), "the lost update was not detected");
    }
}
