use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn owner(namespace: &str, name: &str) -> Owner {
    Owner { namespace: namespace.into(), name: name.into() }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Sends all that may be sent, and has each answered at once.
fn drain(budget: &mut Budget, now: Instant) -> Vec<Ticket> {
    let mut sent = Vec::new();
    while let Next::Send(ticket) = budget.next(now) {
        budget.ended(ticket, now);
        sent.push(ticket);
    }
    sent
}

fn ask(budget: &mut Budget, class: Class, count: usize, now: Instant) -> Vec<Ticket> {
    (0..count).map(|index| budget.ask(class, &owner("ns", &index.to_string()), false, now)).collect()
}

use Class::{Background, Interactive, Rollout};

#[test]
fn a_window_takes_no_more_than_the_limit() {
    let start = Instant::now();
    let mut budget = Budget::new(10);
    let tickets = ask(&mut budget, Interactive, 25, start);
    assert_eq!(drain(&mut budget, start), tickets[..10]);
    assert_eq!(budget.next(start), Next::At(start + WINDOW));
    assert_eq!(drain(&mut budget, start + seconds(59)), []);
    assert_eq!(drain(&mut budget, start + WINDOW), tickets[10..20]);
    assert_eq!(drain(&mut budget, start + WINDOW * 2), tickets[20..]);
    assert_eq!(budget.next(start + WINDOW * 2), Next::Idle);
}

#[test]
fn one_change_of_a_person_goes_before_a_rollout_that_goes_on_too() {
    let start = Instant::now();
    let mut budget = Budget::new(4);
    let rollout = ask(&mut budget, Rollout, 20, start);
    assert_eq!(drain(&mut budget, start), rollout[..4]);
    let going_on = budget.ask(Rollout, &owner("ns", "0"), true, start);
    let person = budget.ask(Interactive, &owner("ns", "person"), false, start);
    let routine = budget.ask(Background, &owner("ns", "routine"), false, start);
    let sent = drain(&mut budget, start + WINDOW);
    assert_eq!(sent, [person, going_on, rollout[4], rollout[5]]);
    // A rollout keeps routine checks waiting as a person does, but for the trickle.
    assert_eq!(drain(&mut budget, start + WINDOW * 2)[0], routine);
}

#[test]
fn thousands_that_wait_are_sent_in_the_order_of_their_names_turns() {
    let start = Instant::now();
    let mut budget = Budget::new(20_000);
    let tickets = ask(&mut budget, Rollout, 10_000, start);
    tickets.iter().step_by(2).for_each(|ticket| budget.withdraw(*ticket));
    let left: Vec<Ticket> = tickets.into_iter().skip(1).step_by(2).collect();
    assert_eq!(drain(&mut budget, start), left);
    assert_eq!((budget.used_at(start), budget.used_at(start + WINDOW)), (5_000, 0));
}

#[test]
fn a_request_holds_its_slot_until_a_minute_after_its_answer() {
    let start = Instant::now();
    let mut budget = Budget::new(2);
    ask(&mut budget, Interactive, 3, start);
    let Next::Send(slow) = budget.next(start) else { panic!("a slot is free") };
    drain(&mut budget, start);
    assert_eq!(drain(&mut budget, start + seconds(30)), []);
    budget.ended(slow, start + seconds(30));
    assert_eq!(drain(&mut budget, start + WINDOW).len(), 1);
    ask(&mut budget, Interactive, 1, start + WINDOW);
    assert_eq!(budget.next(start + WINDOW), Next::At(start + seconds(90)));
}

#[test]
fn what_was_never_sent_gives_its_slot_back() {
    let start = Instant::now();
    let mut budget = Budget::new(2);
    ask(&mut budget, Interactive, 4, start);
    let Next::Send(first) = budget.next(start) else { panic!("a slot is free") };
    budget.not_sent(first);
    assert_eq!(drain(&mut budget, start).len(), 2);
}

#[test]
fn background_work_takes_half_and_waits_for_people() {
    let start = Instant::now();
    let mut budget = Budget::new(10);
    let background = ask(&mut budget, Background, 20, start);
    assert_eq!(drain(&mut budget, start), background[..5]);
    let interactive = ask(&mut budget, Interactive, 7, start);
    assert_eq!(drain(&mut budget, start), interactive[..5]);
    assert_eq!(drain(&mut budget, start + WINDOW), [&interactive[5..], &background[5..10]].concat());
}

#[test]
fn background_work_does_not_starve() {
    let start = Instant::now();
    let mut budget = Budget::new(10);
    ask(&mut budget, Interactive, 20, start);
    let background = ask(&mut budget, Background, 1, start)[0];
    let mut served = None;
    for second in 0..600 {
        let now = start + seconds(second);
        ask(&mut budget, Interactive, 2, now);
        if drain(&mut budget, now).contains(&background) {
            served = Some(second);
            break;
        }
    }
    assert!((120..=180).contains(&served.unwrap()), "{served:?}");
}

#[test]
fn namespaces_take_turns_and_so_do_their_resources() {
    let start = Instant::now();
    let mut budget = Budget::new(6);
    for index in 0..1000 {
        budget.ask(Interactive, &owner("big", &index.to_string()), false, start);
    }
    let one = budget.ask(Interactive, &owner("small", "a"), false, start);
    let other = budget.ask(Interactive, &owner("small", "b"), false, start);
    let sent = drain(&mut budget, start);
    assert!(sent.contains(&one) && sent.contains(&other), "{sent:?}");
    let mut budget = Budget::new(3);
    let greedy: Vec<_> =
        (0..5).map(|_| budget.ask(Interactive, &owner("ns", "greedy"), false, start)).collect();
    let modest = budget.ask(Interactive, &owner("ns", "modest"), false, start);
    assert_eq!(drain(&mut budget, start), [greedy[0], modest, greedy[1]]);
}

#[test]
fn starved_background_work_gets_a_turn_every_ten_seconds_and_those_it_could_not_take() {
    let start = Instant::now();
    let mut budget = Budget::new(50);
    let page = |budget: &mut Budget, now| budget.ask(Background, &owner("", "change feed"), true, now);
    ask(&mut budget, Interactive, 200, start);
    let pages: Vec<_> = (0..10).map(|_| page(&mut budget, start)).collect();
    let first = drain(&mut budget, start);
    assert_eq!(first[..6], pages[..6]);
    assert!(!first.contains(&pages[6]), "a minute's turns are taken");
    assert_eq!(drain(&mut budget, start + WINDOW)[..4], pages[6..]);
    let mut budget = Budget::new(100);
    ask(&mut budget, Interactive, 100, start);
    for second in 0..60 {
        let now = start + seconds(second);
        let page = page(&mut budget, now);
        let is_sent = budget.next(now) == Next::Send(page);
        budget.withdraw(page);
        assert_eq!(is_sent, second < 6 || second % 10 == 0, "{second}");
    }
}

#[test]
fn what_was_begun_goes_on_first_for_a_while_and_only_within_its_namespace() {
    let start = Instant::now();
    let mut budget = Budget::new(100);
    let begins: Vec<_> =
        (0..2).map(|index| budget.ask(Interactive, &owner("ns", &index.to_string()), false, start)).collect();
    let goes_on: Vec<_> = (0..10).map(|_| budget.ask(Interactive, &owner("ns", "a"), true, start)).collect();
    let other = budget.ask(Interactive, &owner("other", "b"), false, start);
    let mut order = Vec::new();
    while let Next::Send(ticket) = budget.next(start) {
        order.push(ticket);
    }
    let mut expected = vec![goes_on[0], other];
    expected.extend(&goes_on[1..8]);
    expected.push(begins[0]);
    expected.extend(&goes_on[8..]);
    expected.push(begins[1]);
    assert_eq!(order, expected);
}

#[test]
fn what_is_no_longer_wanted_gives_its_place_back() {
    let start = Instant::now();
    let mut budget = Budget::new(2);
    let tickets = ask(&mut budget, Interactive, 4, start);
    budget.withdraw(tickets[0]);
    budget.withdraw(tickets[2]);
    assert_eq!(drain(&mut budget, start), [tickets[1], tickets[3]]);
    assert_eq!(budget.waiting(Interactive), 0);
}

#[test]
fn while_scalingo_asks_to_wait_nothing_is_sent_and_the_order_is_kept() {
    let start = Instant::now();
    let mut budget = Budget::new(10);
    let tickets = ask(&mut budget, Interactive, 3, start);
    budget.pause(Some(seconds(7)), start);
    assert_eq!(budget.next(start), Next::At(start + seconds(7)));
    assert_eq!(drain(&mut budget, start + seconds(7)), tickets);
    for (asked, waited) in [(None, 60), (Some(seconds(3600)), 300), (Some(seconds(1)), 300)] {
        ask(&mut budget, Interactive, 1, start + seconds(100));
        budget.pause(asked, start + seconds(100));
        assert_eq!(budget.next(start + seconds(100)), Next::At(start + seconds(100 + waited)), "{asked:?}");
    }
}

#[test]
fn who_sent_last_counts_for_a_window_and_hides_others_unless_alone_for_longer() {
    for (ago, alone, expected) in [
        (0, 0, Predecessors::Several),
        (0, 60, Predecessors::Several),
        (0, 61, Predecessors::One),
        (59, 60, Predecessors::Several),
        (59, 61, Predecessors::One),
        (60, 0, Predecessors::None),
        (60, 61, Predecessors::None),
    ] {
        assert_eq!(Predecessors::seen(seconds(ago), seconds(alone)), expected, "{ago} {alone}");
    }
}

#[test]
fn with_a_predecessor_scalingo_counts_no_more_than_it_allows() {
    let start = Instant::now();
    for (limit, predecessors, at_once) in [
        (50, Predecessors::None, 50),
        (50, Predecessors::One, 10),
        (10, Predecessors::One, 2),
        (56, Predecessors::One, 4),
        (60, Predecessors::One, 0),
        (50, Predecessors::Several, 0),
        (300, Predecessors::One, 30),
        (300, Predecessors::Several, 3),
    ] {
        let mut budget = Budget::inherited(limit, predecessors, start + WINDOW);
        ask(&mut budget, Interactive, 1_000, start);
        let before = start + WINDOW - Duration::from_millis(1);
        let sent: Vec<_> = [start, before].into_iter().flat_map(|now| drain(&mut budget, now)).collect();
        assert_eq!(sent.len(), at_once, "{limit}, {predecessors:?}");
        let allowed = if limit > ALLOWED { limit + limit / 5 } else { ALLOWED };
        let more = if predecessors == Predecessors::Several && limit > ALLOWED {
            limit / 10 + 9 * sent.len()
        } else {
            0
        };
        assert!(predecessors == Predecessors::None || limit + sent.len() + more <= allowed);
        assert_eq!(drain(&mut budget, start + WINDOW).len(), limit, "all slots are open again");
    }
}

#[test]
fn of_what_a_predecessor_has_left_background_work_has_half_at_most() {
    let start = Instant::now();
    let mut budget = Budget::inherited(50, Predecessors::One, start + WINDOW);
    ask(&mut budget, Background, 20, start);
    assert_eq!(drain(&mut budget, start).len(), 5);
    ask(&mut budget, Interactive, 20, start);
    assert_eq!(drain(&mut budget, start).len(), 5, "people need not wait for the end of the minute");
    assert_eq!(drain(&mut budget, start + WINDOW).len(), 30, "nor does anybody then");
}

#[test]
fn one_is_idle_when_nobody_waits_and_no_slot_is_held() {
    let start = Instant::now();
    let mut budget = Budget::new(2);
    assert!(budget.is_idle(start));
    ask(&mut budget, Interactive, 1, start);
    assert!(!budget.is_idle(start), "somebody waits");
    let Next::Send(ticket) = budget.next(start) else { panic!("{budget:?}") };
    assert!(!budget.is_idle(start), "a request is under way");
    budget.ended(ticket, start);
    assert!(!budget.is_idle(start) && budget.is_idle(start + WINDOW), "its slot is held");
    budget.pause(Some(WINDOW * 2), start);
    assert!(!budget.is_idle(start + WINDOW) && budget.is_idle(start + WINDOW * 2), "Scalingo asks to wait");
}

proptest! {
    /// Whenever the requests arrive, between being sent and being answered, Scalingo counts no more than
    /// the limit in any 60 s, and no more than half of it in the background.
    #[test]
    fn scalingo_never_counts_more_than_the_limit(
        limit in 2..20_usize,
        steps in proptest::collection::vec((0..8_u64, any::<bool>(), 0..12_usize, 0..40_u64, 0..100_u64), 1..80),
    ) {
        let start = Instant::now();
        let mut budget = Budget::new(limit);
        let mut now = start;
        let mut under_way: VecDeque<(Instant, Ticket)> = VecDeque::new();
        let mut arrived: Vec<(Instant, Class)> = Vec::new();
        let mut classes = BTreeMap::new();
        for (step, interactive, count, duration, share) in steps {
            now += seconds(step);
            let class = if interactive { Interactive } else { Background };
            for ticket in ask(&mut budget, class, count, now) {
                classes.insert(ticket, class);
            }
            let mut still = VecDeque::new();
            for (end, ticket) in under_way.drain(..) {
                if end <= now { budget.ended(ticket, end); } else { still.push_back((end, ticket)); }
            }
            under_way = still;
            while let Next::Send(ticket) = budget.next(now) {
                let duration = seconds(duration);
                arrived.push((now + duration.mul_f64(f64::from(u32::try_from(share).unwrap()) / 100.0), classes[&ticket]));
                under_way.push_back((now + duration, ticket));
            }
            prop_assert!(budget.used() <= limit);
        }
        for (from, _) in &arrived {
            let within: Vec<_> = arrived.iter().filter(|(at, _)| at >= from && *at < *from + WINDOW).collect();
            prop_assert!(within.len() <= limit, "{} of {limit}", within.len());
            let background = within.iter().filter(|(_, class)| *class == Background).count();
            prop_assert!(background <= limit / 2, "{background} of {limit} in the background");
        }
    }
}

#[test]
fn a_pause_counts_as_it_passes_and_what_two_have_in_common_once() {
    let start = Instant::now();
    let mut budget = Budget::new(10);
    assert_eq!((budget.paused(start), budget.rate_limited()), (seconds(0), 0));
    budget.pause(Some(seconds(10)), start);
    assert_eq!(budget.paused(start + seconds(4)), seconds(4));
    budget.pause(Some(seconds(10)), start + seconds(5));
    assert_eq!(budget.paused(start + seconds(12)), seconds(12));
    budget.pause(Some(seconds(1)), start + seconds(13));
    assert_eq!(budget.paused(start + seconds(100)), seconds(15));
    assert_eq!(budget.next(start + seconds(100)), Next::Idle);
    budget.pause(None, start + seconds(200));
    assert_eq!(budget.paused(start + seconds(210)), seconds(25));
    assert_eq!((budget.paused(start + seconds(900)), budget.rate_limited()), (seconds(75), 4));
}
