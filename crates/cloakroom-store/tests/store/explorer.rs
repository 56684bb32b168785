//! Runs tasks in every possible order.
//!
//! A task is polled until it waits, at a gate or for another task. The next task to run is a
//! choice, and the explorer tries every combination of choices, each from the start. It runs the
//! real code, not a model of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

pub(crate) type Task<T> = Pin<Box<dyn Future<Output = T>>>;

struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A sequence of choices: the number of options at each step, and the one taken.
#[derive(Default)]
struct Path {
    taken: Vec<(usize, usize)>,
}

impl Path {
    /// Advances to the next untried sequence: the last choice with another option takes it.
    fn advance(&mut self) -> bool {
        while let Some((taken, options)) = self.taken.pop() {
            if taken + 1 < options {
                self.taken.push((taken + 1, options));
                return true;
            }
        }
        false
    }

    fn choose(&mut self, step: usize, options: usize) -> usize {
        match self.taken.get(step) {
            Some((taken, there)) => {
                assert_eq!(*there, options, "the tasks are not deterministic");
                *taken
            }
            None => {
                self.taken.push((0, options));
                0
            }
        }
    }
}

/// Runs the tasks of `start` in every order, and passes each outcome to `check`. Returns the number
/// of orders.
pub(crate) fn explore<W, T>(start: impl Fn() -> (W, Vec<Task<T>>), mut check: impl FnMut(&W, Vec<T>)) -> usize {
    let mut path = Path::default();
    let mut orders = 0;
    loop {
        // A new runtime for each order, because a used one may schedule spawned tasks differently.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (world, tasks) = {
            let _inside = runtime.enter();
            start()
        };
        let results = run(&runtime, tasks, &mut path);
        orders += 1;
        check(&world, results);
        if !path.advance() {
            return orders;
        }
    }
}

fn run<T>(runtime: &tokio::runtime::Runtime, tasks: Vec<Task<T>>, path: &mut Path) -> Vec<T> {
    let mut tasks: Vec<_> =
        tasks.into_iter().map(|task| (Some(task), Arc::new(Ready(AtomicBool::new(true))))).collect();
    let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let (mut step, mut went_on) = (0, false);
    while results.iter().any(Option::is_none) {
        let ready: Vec<usize> = (0..tasks.len())
            .filter(|index| tasks[*index].0.is_some() && tasks[*index].1.0.load(Ordering::SeqCst))
            .collect();
        if ready.is_empty() {
            // All tasks pause: advance the time.
            runtime.block_on(tokio::time::advance(Duration::from_millis(100)));
            continue;
        }
        // Spawned tasks, such as a commit whose request was dropped, may run first. This is a
        // choice only once between two steps of the others, or an order that only waits for them
        // would never end.
        let spawned = usize::from(!went_on && runtime.metrics().num_alive_tasks() > 0);
        let options = ready.len() + spawned;
        let choice = if options == 1 { 0 } else { path.choose(step, options) };
        step += usize::from(options > 1);
        let Some(chosen) = ready.get(choice).copied() else {
            runtime.block_on(tokio::task::yield_now());
            went_on = true;
            continue;
        };
        went_on = false;
        let (task, flag) = &mut tasks[chosen];
        flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(flag));
        let _inside = runtime.enter();
        let polled = task.as_mut().unwrap().as_mut().poll(&mut Context::from_waker(&waker));
        if let std::task::Poll::Ready(result) = polled {
            results[chosen] = Some(result);
            *task = None;
        }
    }
    // Run the remaining spawned tasks to completion.
    while runtime.metrics().num_alive_tasks() > 0 {
        runtime.block_on(tokio::time::advance(Duration::from_millis(100)));
    }
    results.into_iter().map(Option::unwrap).collect()
}

/// Polls a future until it has waited `times` times, and then drops it. Returns `None` if it was
/// dropped.
pub(crate) async fn cancelled_after<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut waited = 0;
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending if waited == times => std::task::Poll::Ready(None),
        std::task::Poll::Pending => {
            waited += 1;
            std::task::Poll::Pending
        }
    })
    .await
}

/// Waits once, so that other tasks can run first.
pub(crate) async fn gate() {
    let mut passed = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
