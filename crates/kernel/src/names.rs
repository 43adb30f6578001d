//! The names and help texts of the kernel's metrics, each in one place.
//!
//! A name, once published, keeps its meaning. Units stand in the name.

/// A metric: its name and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name, with its unit and `_total` for counters.
    pub name: &'static str,
    /// One sentence for the reader of `/metrics`.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident $name:literal $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: Metric = Metric { name: $name, help: $help };)*

        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    REQUESTS_RECEIVED "tidegate_requests_received_total" "Requests that were received.";
    REQUESTS_IN_FLIGHT "tidegate_requests_in_flight" "Requests that have no outcome yet.";
    REQUESTS "tidegate_requests_total" "Requests by outcome: its class and its label.";

    POOL_PERMITS "tidegate_pool_permits" "Permits of the pool, idle and busy.";
    POOL_BUSY "tidegate_pool_permits_busy" "Permits of the pool that are out.";
    POOL_IDLE "tidegate_pool_permits_idle" "Permits of the pool that nobody has.";
    POOL_COMPUTED "tidegate_pool_permits_computed" "Permits that the limit computes, also where it is only a shadow.";
    POOL_MAX "tidegate_pool_permits_max" "Permits that the pool can have at most.";
    POOL_DECISIONS "tidegate_pool_decisions_total" "Changes and alarms of the pool's limit, by reason.";
    POOL_QUEUE "tidegate_pool_queue" "Requests in the pool's queue, by priority.";
    POOL_WAITING "tidegate_pool_waiting" "Requests that wait for a permit.";
    POOL_WAITING_BYTES "tidegate_pool_waiting_bytes" "Bytes of the requests that wait for a permit.";
    POOL_OFFERED "tidegate_pool_offered_total" "Requests that asked for a permit.";
    POOL_GRANTED "tidegate_pool_granted_total" "Requests that got a permit.";
    POOL_QUEUED "tidegate_pool_queued_total" "Requests that had to wait for a permit.";
    POOL_REFUSED "tidegate_pool_refused_total" "Requests that got no permit, by reason.";
    POOL_WAIT_SECONDS "tidegate_pool_wait_seconds_total" "Whole seconds waited by the requests that got a permit.";
    POOL_HELD_SECONDS "tidegate_pool_held_seconds_total" "Whole seconds for which permits were held, until they came back.";

    QUEUE_ITEMS "tidegate_queue_items" "Things in the queue, by priority.";
    QUEUE_BYTES "tidegate_queue_bytes" "Bytes of the things in the queue.";
    QUEUE_CAPACITY "tidegate_queue_capacity" "Places of the queue.";
    QUEUE_DOOR "tidegate_queue_door" "Things that wait for room in the queue.";
    QUEUE_OFFERED "tidegate_queue_offered_total" "Things that were offered to the queue.";
    QUEUE_DELIVERED "tidegate_queue_delivered_total" "Things that were taken from the queue.";
    QUEUE_REFUSED "tidegate_queue_refused_total" "Things that did not come through the queue, by reason.";

    WORKERS_LIMIT "tidegate_workers_limit" "Workers that may be there at once.";
    WORKERS_ACTIVE "tidegate_workers_active" "Workers that are there.";
    WORKERS_BUSY "tidegate_workers_busy" "Workers that run a job.";
    WORKERS_IDLE "tidegate_workers_idle" "Workers that wait for a job.";
    WORKERS_JOBS "tidegate_workers_jobs_total" "Jobs that have ended, by how.";

    BODY_BYTES "tidegate_body_bytes" "Bytes of request bodies that are held, read or being read.";
    BODY_BYTES_LIMIT "tidegate_body_bytes_limit" "Bytes of request bodies that may be held at once.";
    BODY_BYTES_REFUSED "tidegate_body_bytes_refused_total" "Requests that were refused because other bodies held the room.";

    OVERLOAD_LEVEL "tidegate_overload_level" "How hard the process is pressed: 0 calm, 1 busy, 2 high, 3 critical, 4 extreme.";
    OVERLOAD_PRESSURE "tidegate_overload_pressure" "The used part of what there is, by cause; 1 is all of it.";
    OVERLOAD_CHANGES "tidegate_overload_changes_total" "How often the overload level became another one.";

    BREAKER_STATE "tidegate_breaker_state" "State of the breaker: 0 closed, 1 probing, 2 open.";
    BREAKER_TRANSITIONS "tidegate_breaker_transitions_total" "Transitions of the breaker, by the state it went to and the reason.";
    BREAKER_REFUSED "tidegate_breaker_refused_total" "Attempts that an open breaker refused.";
    BREAKER_PROBES "tidegate_breaker_probes_total" "Attempts that were let through as a probe.";
    BREAKER_VERDICTS "tidegate_breaker_verdicts_total" "Attempts that were let through, by how they ended.";

    BUDGET_DEPOSITS "tidegate_retry_budget_deposits_total" "Requests that paid into the retry budget.";
    BUDGET_WITHDRAWN "tidegate_retry_budget_withdrawn_total" "Retries that the budget paid for, by cost.";
    BUDGET_REFUSED "tidegate_retry_budget_refused_total" "Retries that the budget refused.";
    BUDGET_BALANCE "tidegate_retry_budget_balance" "Retries that the budget would pay for now.";
    ONCE_FLYING "tidegate_once_flying" "Keys that are worked on now, each once for all who ask.";
    ONCE_STARTED "tidegate_once_started_total" "Work that was begun for a key.";
    ONCE_JOINED "tidegate_once_joined_total" "Calls that shared work that was in flight.";
    ONCE_REFUSED "tidegate_once_refused_total" "Calls that were refused because too many keys were worked on.";
    ONCE_DONE "tidegate_once_done_total" "Work that ended well.";
    ONCE_FAILED "tidegate_once_failed_total" "Work that ended with an error or a panic.";
    ONCE_ABANDONED "tidegate_once_abandoned_total" "Work that was dropped because all who waited left.";

    RELAYS_OPEN "tidegate_relays_open" "Streams of events that are kept for subscribers.";
    RELAY_BYTES "tidegate_relay_bytes" "Bytes of the events that are kept.";
    RELAY_SUBSCRIBERS "tidegate_relay_subscribers" "Subscribers that listen.";
    RELAY_PUBLISHED "tidegate_relay_events_published_total" "Events that were published.";
    RELAY_DELIVERED "tidegate_relay_events_delivered_total" "Events that a subscriber got; each subscriber counts.";
    RELAY_MISSED "tidegate_relay_events_missed_total" "Events that were gone before a subscriber read them; it was told so.";
    RELAY_REFUSED "tidegate_relay_subscribers_refused_total" "Subscribers that were refused.";

    PULSE_WATCHED "tidegate_pulse_watched" "Things whose progress is watched.";
    PULSE_STALLED "tidegate_pulse_stalled" "Watched things that make no progress.";
    PULSE_STALLS "tidegate_pulse_stalls_total" "Stalls that were found.";
    PULSE_RECOVERIES "tidegate_pulse_recoveries_total" "Stalls that ended.";
    PULSE_UNWATCHED "tidegate_pulse_unwatched_total" "Things that found no room to be watched.";
    RUNTIME_LAG_P99 "tidegate_runtime_lag_p99_seconds" "How late 99 of 100 timers of the runtime come at most.";

    REUSE_REQUESTS "tidegate_reuse_requests_total" "Objects of this kind that were asked for.";
    REUSE_HITS "tidegate_reuse_hits_total" "Objects that were used again.";
    REUSE_MISSES "tidegate_reuse_misses_total" "Objects that were asked for and were not there.";
    REUSE_CREATIONS "tidegate_reuse_creations_total" "Objects that were made.";
    REUSE_RETURNS "tidegate_reuse_returns_total" "Objects that came back and were kept.";
    REUSE_DISCARDED "tidegate_reuse_discarded_total" "Objects that were not kept, by reason.";
    REUSE_SAVED_BYTES "tidegate_reuse_saved_bytes_total" "Bytes that did not have to be allocated.";
    REUSE_SPENT_MICROS "tidegate_reuse_spent_microseconds_total" "Time for taking objects and bringing them back, estimated from samples.";
    REUSE_LOW_HITS "tidegate_reuse_low_hits_total" "Times that the hit ratio fell below its threshold.";
    REUSE_IN_USE "tidegate_reuse_in_use" "Objects that are in use.";
    REUSE_KEPT "tidegate_reuse_kept" "Objects that are kept for their next use.";
    REUSE_KEPT_BYTES "tidegate_reuse_kept_bytes" "Bytes of the objects that are kept.";

    LOCK_KEYS "tidegate_lock_keys" "Keys of the lane or share that are in use.";
    LOCK_HELD "tidegate_lock_held" "How many are inside a key of the lane or share.";
    LOCK_WAITING "tidegate_lock_waiting" "How many wait for a key of the lane or share.";
    LOCK_OFFERED "tidegate_lock_offered_total" "How often somebody asked for a key.";
    LOCK_GRANTED "tidegate_lock_granted_total" "How often somebody got a key.";
    LOCK_QUEUED "tidegate_lock_queued_total" "How often somebody had to wait for a key.";
    LOCK_REFUSED "tidegate_lock_refused_total" "How often somebody asked and got no key, by reason.";
    LOCK_WAIT_SECONDS "tidegate_lock_wait_seconds_total" "Whole seconds waited by those that got a key.";

    ORDER_HOLDS "tidegate_order_holds" "Things that are held by owners whom the wait-for graph knows.";
    ORDER_WAITS "tidegate_order_waits" "Waits of owners whom the wait-for graph knows.";
    ORDER_DEADLOCKS "tidegate_order_deadlocks_total" "Cycles of waits that were found; each ended with one victim.";
    ORDER_DEADLOCK_PAIRS "tidegate_order_deadlock_pairs_total" "Cycles in which these two kinds of things stood side by side.";

    TASKS_LIVE "tidegate_tasks_live" "Tasks that have not ended.";
    TASKS_LIMIT "tidegate_tasks_limit" "Tasks that may live at once.";
    TASKS_ENTERED "tidegate_scope_guards" "Requests and connections that are inside the scope and are not tasks.";
    TASKS_SPAWNED "tidegate_tasks_spawned_total" "Tasks that were started.";
    TASKS_REFUSED "tidegate_tasks_refused_total" "Tasks that were refused, by the limit or by a scope that has ended.";
    TASKS_PANICKED "tidegate_tasks_panicked_total" "Tasks that ended with a panic.";
}
