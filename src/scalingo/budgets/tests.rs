use futures::{FutureExt, future::join_all};

use super::*;
use crate::scalingo::ApiToken;

fn key(token: &str) -> TokenKey {
    ApiToken::new(token.to_owned()).unwrap().key()
}

fn requester(name: &str) -> Requester {
    Requester::new(Class::Interactive, Owner { namespace: "ns".into(), name: name.into() })
}

/// Sends one request that is answered at once.
async fn send(budgets: &Budgets, token: &str, name: &str) {
    budgets.acquire(key(token), &requester(name)).await.sending();
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_the_window_and_go_on_by_themselves() {
    let budgets = Budgets::new(10);
    let begun = Instant::now();
    join_all((0..25).map(|index| {
        let name = index.to_string();
        let budgets = &budgets;
        async move { send(budgets, "t", &name).await }
    }))
    .await;
    assert_eq!(begun.elapsed().as_secs(), 120);
}

#[tokio::test(start_paused = true)]
async fn two_tokens_share_nothing_and_one_token_in_two_places_is_one() {
    let budgets = Budgets::new(2);
    for _ in 0..2 {
        send(&budgets, "t", "a").await;
    }
    assert!(send(&budgets, "t", "b").now_or_never().is_none());
    assert!(send(&budgets, "other", "b").now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_no_longer_waits_gives_the_place_back() {
    let budgets = Budgets::new(2);
    for _ in 0..2 {
        send(&budgets, "t", "a").await;
    }
    let begun = Instant::now();
    for _ in 0..10 {
        assert!(send(&budgets, "t", "gone").now_or_never().is_none());
    }
    send(&budgets, "t", "a").await;
    send(&budgets, "t", "a").await;
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_and_not_sent_is_given_back_and_what_was_cut_off_is_not() {
    let budgets = Budgets::new(2);
    for _ in 0..5 {
        drop(budgets.acquire(key("t"), &requester("a")).await);
    }
    let mut refused = budgets.acquire(key("t"), &requester("a")).await;
    refused.sending();
    refused.not_sent();
    drop(refused);
    let mut cut_off = budgets.acquire(key("t"), &requester("a")).await;
    cut_off.sending();
    drop(cut_off);
    send(&budgets, "t", "a").await;
    assert!(send(&budgets, "t", "a").now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_up_all_of_a_token_and_its_end_is_foretold() {
    let budgets = Budgets::new(10);
    let permit = budgets.acquire(key("t"), &requester("a")).await;
    permit.refused(Some(Duration::from_secs(7)));
    drop(permit);
    let begun = Instant::now();
    assert_eq!(budgets.goes_on(key("t")), begun + Duration::from_secs(7));
    send(&budgets, "t", "b").await;
    assert_eq!(begun.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn the_time_waited_is_known_while_it_lasts_and_afterwards() {
    let budgets = Budgets::new(2);
    for _ in 0..2 {
        send(&budgets, "t", "a").await;
    }
    let requester = requester("b");
    let waiting = budgets.acquire(key("t"), &requester);
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_secs(20), &mut waiting).await.is_err());
    assert_eq!(requester.waited().as_secs(), 20);
    let _permit = waiting.await;
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(requester.continuing().waited().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn what_predecessors_may_have_sent_counts_for_a_minute_whenever_a_token_is_first_used() {
    let budgets = Budgets::new(50);
    budgets.inherit(Predecessors::One);
    let begun = Instant::now();
    let at_once = join_all((0..10).map(|_| send(&budgets, "t", "a"))).now_or_never();
    assert!(at_once.is_some() && send(&budgets, "t", "a").now_or_never().is_none());
    tokio::time::advance(Duration::from_secs(40)).await;
    for _ in 0..11 {
        send(&budgets, "later", "a").await;
    }
    assert_eq!(begun.elapsed().as_secs(), 60);
    for _ in 0..50 {
        send(&budgets, "much later", "a").await;
    }
    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_out_of_use_are_forgotten_once_nothing_is_lost_with_them() {
    let budgets = Budgets::new(2);
    let known = || {
        let mut known: Vec<String> = ["used", "old", "waited for"].map(str::to_owned).into();
        known.retain(|token| !budgets.figures([key(token)]).is_empty());
        known
    };
    for _ in 0..2 {
        for token in ["used", "old", "waited for"] {
            send(&budgets, token, "a").await;
        }
    }
    let mut waiting = Box::pin(send(&budgets, "waited for", "a"));
    assert!((&mut waiting).now_or_never().is_none());
    budgets.keep_only(&[key("used")].into());
    assert_eq!(known(), ["used", "old", "waited for"], "their slots are held");
    tokio::time::advance(WINDOW).await;
    budgets.keep_only(&[key("used")].into());
    assert_eq!(known(), ["used", "waited for"]);
    waiting.await;
}

#[tokio::test(start_paused = true)]
async fn the_figures_of_a_budget_tell_who_holds_slots_who_waits_and_who_has_waited() {
    let budgets = Budgets::new(2);
    let figures = || {
        let [figures] = budgets.figures([key("t"), key("unused")]).try_into().expect("of one token");
        figures
    };
    send(&budgets, "t", "a").await;
    budgets.acquire(key("t"), &requester("a")).await.refused(Some(Duration::from_secs(3)));
    let mut waiting = Box::pin(send(&budgets, "t", "b"));
    assert!((&mut waiting).now_or_never().is_none());
    let now: BudgetFigures = figures();
    assert_eq!((now.limit, now.used, now.rate_limited, now.paused), (2, 1, 1, Duration::ZERO));
    assert_eq!((now.of(Class::Interactive).waiting, now.of(Class::Background).waiting), (1, 0));
    waiting.await;
    let now = figures();
    assert_eq!((now.used, now.paused), (2, Duration::from_secs(3)));
    let waits = &now.of(Class::Interactive).waits;
    assert_eq!((now.of(Class::Interactive).waiting, waits.count()), (0, 3));
    assert_eq!(waits.total().as_secs(), 3);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(figures().used, 0, "nobody has to ask for a slot to become free");
}
