use std::{cell::RefCell, time::Duration};

use proptest::{collection::vec, prelude::*};

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What is worked on, by whom it was begun and when, in seconds.
struct Log {
    begin: Instant,
    lines: Mutex<Vec<(u64, String)>>,
}

impl Log {
    fn new() -> Self {
        Self { begin: Instant::now(), lines: Mutex::default() }
    }

    fn note(&self, name: &str) {
        self.lines.lock().unwrap().push((self.begin.elapsed().as_secs(), name.to_owned()));
    }

    fn lines(&self) -> Vec<(u64, String)> {
        self.lines.lock().unwrap().clone()
    }
}

/// So many at once, and no more of any class.
fn at_once(all: usize) -> AtOnce<u8> {
    AtOnce { all, more: (0, 0) }
}

/// What nobody waits for.
type Nothing = std::convert::Infallible;

/// Nobody who waits is outdated.
fn never<N>(_: &N) -> bool {
    false
}

fn line(second: u64, name: &str) -> (u64, String) {
    (second, name.to_owned())
}

#[tokio::test(start_paused = true)]
async fn each_is_worked_on_at_its_turn_and_by_one_only() {
    let (queue, log, stopping) = (Queue::default(), Log::new(), CancellationToken::new());
    let at = |after| log.begin + seconds(after);
    for (name, class, after) in [("a", 1, 20), ("b", 1, 10), ("c", 0, 10), ("a", 1, 15), ("d", 1, 400)] {
        queue.want(name, class, at(after));
    }
    let (queue, log) = (&queue, &log);
    let job = |name: &'static str, _: Option<Nothing>| async move {
        log.note(name);
        if name == "c" && log.lines().len() < 2 {
            // Asked for twice while it is under way: once more afterwards.
            queue.want("c", 1, Instant::now());
            queue.want("c", 1, at(300));
        }
        tokio::time::sleep(seconds(100)).await;
        if name == "b" { Next::At(1, Instant::now() + seconds(60)) } else { Next::Rest }
    };
    let work = queue.work(at_once(2), &stopping, job, |_| false, never);
    let _ = tokio::time::timeout(seconds(250), work).await;
    assert_eq!(
        log.lines(),
        [line(10, "c"), line(10, "b"), line(110, "c"), line(110, "a"), line(210, "b")],
        "two at a time; of two times the earlier first, of one time the first class"
    );
    assert_eq!(queue.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_raised_by_a_better_class_and_keeps_its_place() {
    let (queue, log, stopping) = (Queue::default(), Log::new(), CancellationToken::new());
    for name in ["a", "b", "c"] {
        queue.want(name, 2, log.begin);
    }
    let (queue, log) = (&queue, &log);
    let job = |name: &'static str, _: Option<Nothing>| async move {
        log.note(name);
        if name == "a" {
            queue.want("c", 1, Instant::now());
            queue.want("b", 1, Instant::now() + seconds(50));
        }
        tokio::time::sleep(seconds(1)).await;
        Next::Rest
    };
    let _ = tokio::time::timeout(seconds(9), queue.work(at_once(1), &stopping, job, |_| false, never)).await;
    assert_eq!(log.lines(), [line(0, "a"), line(1, "b"), line(2, "c")]);
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_once_it_is_stopping_and_what_was_begun_ends() {
    let (queue, log, stopping) = (Queue::default(), Log::new(), CancellationToken::new());
    queue.want("a", 0, log.begin);
    queue.want("b", 0, log.begin + seconds(5));
    let job = |name: &'static str, _: Option<Nothing>| {
        let (log, stopping) = (&log, &stopping);
        async move {
            log.note(name);
            tokio::time::sleep(seconds(3)).await;
            stopping.cancel();
            tokio::time::sleep(seconds(10)).await;
            Next::Rest
        }
    };
    queue.work(at_once(9), &stopping, job, |_| false, never).await;
    assert_eq!(log.begin.elapsed(), seconds(13));
    assert_eq!(log.lines(), [line(0, "a")]);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_takes_no_room_and_goes_on_with_what_it_waited_for() {
    let (queue, log, stopping) = (Queue::default(), Log::new(), CancellationToken::new());
    for name in ["a", "b", "c"] {
        queue.want(name, 1, log.begin);
    }
    let (queue, log) = (&queue, &log);
    let job = |name: &'static str, given: Option<&'static str>| async move {
        log.note(given.unwrap_or(name));
        match given {
            None if name != "b" => {
                let (after, what) = if name == "a" { (100, "a, given") } else { (50, "c, given") };
                Next::With(1, tokio::time::sleep(seconds(after)).map(move |()| what).boxed())
            }
            _ => {
                tokio::time::sleep(seconds(10)).await;
                Next::Rest
            }
        }
    };
    let work = queue.work(at_once(1), &stopping, job, |_| false, never);
    let asked = async {
        // While it waits, and while it has what it waited for and there is no room yet: once more afterwards.
        tokio::time::sleep(seconds(20)).await;
        queue.want("c", 1, Instant::now());
        tokio::time::sleep(seconds(70)).await;
    };
    let _ = tokio::time::timeout(seconds(150), async { futures::join!(work, asked) }).await;
    let expected = [
        line(0, "a"),
        line(0, "b"),
        line(10, "c"),
        line(60, "c, given"),
        line(70, "c"),
        line(100, "a, given"),
        line(120, "c, given"),
    ];
    assert_eq!(log.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_outdated_waits_no_longer_and_begins_anew() {
    struct Place<'a>(&'a Log);
    impl Drop for Place<'_> {
        fn drop(&mut self) {
            self.0.note("gives its place back");
        }
    }
    let (queue, stopping) = (Queue::default(), CancellationToken::new());
    let log: &'static Log = Box::leak(Box::new(Log::new()));
    queue.want("a", 1, log.begin);
    let job = |name: &'static str, given: Option<()>| {
        log.note(if given.is_some() { "given" } else { name });
        let place = Place(log);
        std::future::ready(Next::With(
            1,
            async move {
                let _place = place;
                tokio::time::sleep(seconds(1_000)).await;
            }
            .boxed(),
        ))
    };
    let work = queue.work(at_once(1), &stopping, job, |()| false, |_| log.begin.elapsed() > seconds(30));
    let asked = async {
        for after in [10, 40] {
            tokio::time::sleep(seconds(after)).await;
            queue.want("a", 1, Instant::now());
        }
        tokio::time::sleep(seconds(100)).await;
    };
    let _ = tokio::time::timeout(seconds(200), async { futures::join!(work, asked) }).await;
    let before_end = log.lines().into_iter().filter(|(second, _)| *second < 200).collect::<Vec<_>>();
    assert_eq!(before_end, [line(0, "a"), line(50, "a"), line(50, "gives its place back")]);
}

#[tokio::test(start_paused = true)]
async fn the_first_class_has_room_of_its_own() {
    let (queue, log, stopping) = (Queue::default(), Log::new(), CancellationToken::new());
    for (name, class) in [("a", 1), ("b", 1), ("c", 1)] {
        queue.want(name, class, log.begin);
    }
    queue.want("first", 0, log.begin + seconds(5));
    queue.want("second", 0, log.begin + seconds(5));
    let job = |name: &'static str, _: Option<Nothing>| {
        log.note(name);
        tokio::time::sleep(seconds(60)).map(|()| Next::Rest)
    };
    let room = AtOnce { all: 2, more: (0, 1) };
    let _ = tokio::time::timeout(seconds(100), queue.work(room, &stopping, job, |_| false, never)).await;
    let expected = [line(0, "a"), line(0, "b"), line(5, "first"), line(60, "second"), line(65, "c")];
    assert_eq!(log.lines(), expected);
}

/// Otherwise all would wait for what nobody gives back.
#[tokio::test(start_paused = true)]
async fn who_holds_what_others_wait_for_needs_no_room() {
    let (queue, log, stopping) = (Queue::default(), Log::new(), CancellationToken::new());
    for name in ["holds", "has", "works"] {
        queue.want(name, 1, log.begin);
    }
    let its_log = &log;
    let job = |name: &'static str, given: Option<&'static str>| async move {
        its_log.note(name);
        if name == "works" {
            tokio::time::sleep(seconds(60)).await;
        } else if given.is_none() {
            return Next::With(1, tokio::time::sleep(seconds(10)).map(move |()| name).boxed());
        }
        Next::Rest
    };
    let work = queue.work(at_once(1), &stopping, job, |given| *given == "holds", never);
    let _ = tokio::time::timeout(seconds(100), work).await;
    let expected = [line(0, "holds"), line(0, "has"), line(0, "works"), line(10, "holds"), line(60, "has")];
    assert_eq!(log.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_others_takes_nobodys_place() {
    let (queue, log, stopping) = (Queue::default(), Log::new(), CancellationToken::new());
    for name in ["waits", "next", "last"] {
        queue.want(name, 1, log.begin);
    }
    let (held, its_log) = (&queue, &log);
    let job = |name: &'static str, _: Option<Nothing>| async move {
        its_log.note(name);
        if name == "waits" {
            tokio::time::sleep(seconds(10)).await;
            let _idle = held.idle();
            tokio::time::sleep(seconds(20)).await;
        } else {
            tokio::time::sleep(seconds(40)).await;
        }
        Next::Rest
    };
    let _ =
        tokio::time::timeout(seconds(100), queue.work(at_once(1), &stopping, job, |_| false, never)).await;
    assert_eq!(log.lines(), [line(0, "waits"), line(10, "next"), line(50, "last")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whoever is asked for is worked on, not before its time, and never by two.
    #[test]
    fn nobody_is_forgotten(
        asked in vec((0_u8..5, 0_u8..3, 0_u64..50, 0_u64..30), 0..40), most in 1_usize..4, takes in 0_u64..20,
        waits in proptest::option::of(0_u64..40), seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (queue, stopping) = (Queue::default(), CancellationToken::new());
            let under_way = RefCell::new(BTreeSet::new());
            let ended: RefCell<BTreeMap<u8, Instant>> = RefCell::default();
            let begun: RefCell<BTreeMap<u8, Instant>> = RefCell::default();
            let latest: RefCell<BTreeMap<u8, Instant>> = RefCell::default();
            let random = RefCell::new(fastrand::Rng::with_seed(seed));
            let job = |name: u8, given: Option<()>| {
                assert!(under_way.borrow_mut().insert(name), "by one only");
                assert!(under_way.borrow().len() <= most);
                if given.is_none() {
                    begun.borrow_mut().insert(name, Instant::now());
                }
                let (under_way, ended) = (&under_way, &ended);
                async move {
                    tokio::time::sleep(seconds(takes)).await;
                    under_way.borrow_mut().remove(&name);
                    if let (Some(wait), None) = (waits, given) {
                        return Next::With(1, tokio::time::sleep(seconds(wait)).boxed());
                    }
                    ended.borrow_mut().insert(name, Instant::now());
                    Next::Rest
                }
            };
            let ask = async {
                for (name, class, pause, after) in asked {
                    tokio::time::sleep(seconds(pause)).await;
                    let now = Instant::now();
                    queue.want(name, class, now + seconds(after));
                    latest.borrow_mut().insert(name, now);
                }
                tokio::time::sleep(seconds(5_000)).await;
                stopping.cancel();
            };
            futures::join!(queue.work(at_once(most), &stopping, job, |()| false, |_| random.borrow_mut().bool()), ask);
            for (name, asked) in latest.borrow().iter() {
                assert!(begun.borrow()[name] >= *asked, "{name} was worked on since");
            }
            assert!(queue.is_empty() && ended.borrow().len() == latest.borrow().len());
        });
    }
}
