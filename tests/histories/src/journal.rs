//! The course of a history, to be compared with that of another run.

use crate::world::World;

/// Each request as a line, by time and without what comes from the wall clock.
pub fn journal(world: &World) -> Vec<String> {
    let scalingo = world.simulator().journal();
    let scalingo = scalingo.into_iter().map(|entry| (entry.at, format!("{entry:?}")));
    let kubernetes = world.server().journal().into_iter().map(|mut entry| {
        // An event's name ends with the wall clock's time.
        if entry.request.kind == "Event"
            && let Some((name, _)) = entry.request.name.rsplit_once('.')
        {
            entry.request.name = name.to_owned();
        }
        (entry.request.at, format!("{entry:?}"))
    });
    let mut lines: Vec<_> = scalingo.chain(kubernetes).collect();
    // Those of one instant stay in order.
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(at, line)| format!("{at} {line}")).collect()
}
