//! The names, labels and texts of the kernel's metrics, each in one place.
//!
//! A name, once published, keeps its meaning. Units stand in the name, and a
//! text that says how much of a unit opens with it.

crate::metrics! {
    REQUESTS_RECEIVED: Counter "tidegate_requests_received_total" [] "Requests that were received.";
    REQUESTS_IN_FLIGHT: Gauge "tidegate_requests_in_flight" [] "Requests that have no outcome yet.";
    REQUESTS: Counter "tidegate_requests_total" [class label] "Requests by outcome: its class and its label.";

    POOL_PERMITS: Gauge "tidegate_pool_permits" [] "Permits of the pool, idle and busy.";
    POOL_BUSY: Gauge "tidegate_pool_permits_busy" [] "Permits of the pool that are out.";
    POOL_IDLE: Gauge "tidegate_pool_permits_idle" [] "Permits of the pool that nobody has.";
    POOL_COMPUTED: Gauge "tidegate_pool_permits_computed" [] "Permits that the limit computes, also where it is only a shadow.";
    POOL_MAX: Gauge "tidegate_pool_permits_max" [] "Permits that the pool can have at most.";
    POOL_DECISIONS: Counter "tidegate_pool_decisions_total" [reason] "Changes and alarms of the pool's limit, by reason.";
    POOL_QUEUE: Gauge "tidegate_pool_queue" [priority] "Requests in the pool's queue, by priority.";
    POOL_WAITING: Gauge "tidegate_pool_waiting" [] "Requests that wait for a permit.";
    POOL_WAITING_BYTES: Gauge "tidegate_pool_waiting_bytes" [] "Bytes of the requests that wait for a permit.";
    POOL_OFFERED: Counter "tidegate_pool_offered_total" [] "Requests that asked for a permit.";
    POOL_GRANTED: Counter "tidegate_pool_granted_total" [] "Requests that got a permit.";
    POOL_QUEUED: Counter "tidegate_pool_queued_total" [] "Requests that had to wait for a permit.";
    POOL_REFUSED: Counter "tidegate_pool_refused_total" [reason] "Requests that got no permit, by reason.";
    POOL_WAIT_SECONDS: Counter "tidegate_pool_wait_seconds_total" [] "Whole seconds waited by the requests that got a permit.";
    POOL_HELD_SECONDS: Counter "tidegate_pool_held_seconds_total" [] "Whole seconds for which permits were held, until they came back.";

    QUEUE_ITEMS: Gauge "tidegate_queue_items" [priority] "Things in the queue, by priority.";
    QUEUE_BYTES: Gauge "tidegate_queue_bytes" [] "Bytes of the things in the queue.";
    QUEUE_CAPACITY: Gauge "tidegate_queue_capacity" [] "Places of the queue.";
    QUEUE_DOOR: Gauge "tidegate_queue_door" [] "Things that wait for room in the queue.";
    QUEUE_OFFERED: Counter "tidegate_queue_offered_total" [] "Things that were offered to the queue.";
    QUEUE_DELIVERED: Counter "tidegate_queue_delivered_total" [] "Things that were taken from the queue.";
    QUEUE_REFUSED: Counter "tidegate_queue_refused_total" [reason] "Things that did not come through the queue, by reason.";

    WORKERS_LIMIT: Gauge "tidegate_workers_limit" [] "Workers that may be there at once.";
    WORKERS_ACTIVE: Gauge "tidegate_workers_active" [] "Workers that are there.";
    WORKERS_BUSY: Gauge "tidegate_workers_busy" [] "Workers that run a job.";
    WORKERS_IDLE: Gauge "tidegate_workers_idle" [] "Workers that wait for a job.";
    WORKERS_JOBS: Counter "tidegate_workers_jobs_total" [exit] "Jobs that have ended, by how.";

    BODY_BYTES: Gauge "tidegate_body_bytes" [] "Bytes of request bodies that are held, read or being read.";
    BODY_BYTES_LIMIT: Gauge "tidegate_body_bytes_limit" [] "Bytes of request bodies that may be held at once.";
    BODY_BYTES_REFUSED: Counter "tidegate_body_bytes_refused_total" [] "Requests that were refused because other bodies held the room.";

    OVERLOAD_LEVEL: Gauge "tidegate_overload_level" [] "How hard the process is pressed: 0 calm, 1 busy, 2 high, 3 critical, 4 extreme.";
    OVERLOAD_PRESSURE: Gauge "tidegate_overload_pressure" [cause] "The used part of what there is, by cause; 1 is all of it.";
    OVERLOAD_CHANGES: Counter "tidegate_overload_changes_total" [] "How often the overload level became another one.";

    BREAKER_STATE: Gauge "tidegate_breaker_state" [] "State of the breaker: 0 closed, 1 probing, 2 open.";
    BREAKER_TRANSITIONS: Counter "tidegate_breaker_transitions_total" [to reason] "Transitions of the breaker, by the state it went to and the reason.";
    BREAKER_REFUSED: Counter "tidegate_breaker_refused_total" [] "Attempts that an open breaker refused.";
    BREAKER_PROBES: Counter "tidegate_breaker_probes_total" [] "Attempts that were let through as a probe.";
    BREAKER_VERDICTS: Counter "tidegate_breaker_verdicts_total" [verdict] "Attempts that were let through, by how they ended.";

    BUDGET_DEPOSITS: Counter "tidegate_retry_budget_deposits_total" [] "Requests that paid into the retry budget.";
    BUDGET_WITHDRAWN: Counter "tidegate_retry_budget_withdrawn_total" [] "Retries that the budget paid for, by cost.";
    BUDGET_REFUSED: Counter "tidegate_retry_budget_refused_total" [] "Retries that the budget refused.";
    BUDGET_BALANCE: Gauge "tidegate_retry_budget_balance" [] "Retries that the budget would pay for now.";
    ONCE_FLYING: Gauge "tidegate_once_flying" [] "Keys that are worked on now, each once for all who ask.";
    ONCE_STARTED: Counter "tidegate_once_started_total" [] "Work that was begun for a key.";
    ONCE_JOINED: Counter "tidegate_once_joined_total" [] "Calls that shared work that was in flight.";
    ONCE_REFUSED: Counter "tidegate_once_refused_total" [] "Calls that were refused because too many keys were worked on.";
    ONCE_DONE: Counter "tidegate_once_done_total" [] "Work that ended well.";
    ONCE_FAILED: Counter "tidegate_once_failed_total" [] "Work that ended with an error or a panic.";
    ONCE_ABANDONED: Counter "tidegate_once_abandoned_total" [] "Work that was dropped because all who waited left.";

    RELAYS_OPEN: Gauge "tidegate_relays_open" [] "Streams of events that are kept for subscribers.";
    RELAY_BYTES: Gauge "tidegate_relay_bytes" [] "Bytes of the events that are kept.";
    RELAY_SUBSCRIBERS: Gauge "tidegate_relay_subscribers" [] "Subscribers that listen.";
    RELAY_PUBLISHED: Counter "tidegate_relay_events_published_total" [] "Events that were published.";
    RELAY_DELIVERED: Counter "tidegate_relay_events_delivered_total" [] "Events that a subscriber got; each subscriber counts.";
    RELAY_MISSED: Counter "tidegate_relay_events_missed_total" [] "Events that were gone before a subscriber read them; it was told so.";
    RELAY_REFUSED: Counter "tidegate_relay_subscribers_refused_total" [] "Subscribers that were refused.";

    GATHER_RUNNING: Gauge "tidegate_gather_running" [] "Gatherings that run.";
    GATHER_ENDED: Counter "tidegate_gather_ended_total" [stop] "Gatherings that ended, by why; dropped if their caller left.";
    GATHER_PIECES: Counter "tidegate_gather_pieces_total" [exit] "Pieces of the gatherings, by how they ended.";
    GATHER_LEFT: Counter "tidegate_gather_left_total" [] "Tasks of pieces that did not end soon after their gathering.";

    MERGE_INPUTS: Gauge "tidegate_merge_inputs" [] "Streams that are merged now.";
    MERGE_ITEMS: Counter "tidegate_merge_items_total" [] "Items that came out of merges.";
    MERGE_REFUSED: Counter "tidegate_merge_refused_total" [] "Streams that were refused because as many were merged as may be.";
    MERGE_ENDED: Counter "tidegate_merge_ended_total" [exit] "Streams that left a merge, by how; dropped if it was dropped first.";

    PULSE_WATCHED: Gauge "tidegate_pulse_watched" [] "Things whose progress is watched.";
    PULSE_STALLED: Gauge "tidegate_pulse_stalled" [] "Watched things that make no progress.";
    PULSE_STALLS: Counter "tidegate_pulse_stalls_total" [] "Stalls that were found.";
    PULSE_RECOVERIES: Counter "tidegate_pulse_recoveries_total" [] "Stalls that ended.";
    PULSE_UNWATCHED: Counter "tidegate_pulse_unwatched_total" [] "Things that found no room to be watched.";
    RUNTIME_LAG_P99: Gauge "tidegate_runtime_lag_p99_seconds" [] "Seconds by which 99 of 100 timers of the runtime come late at most.";

    REUSE_REQUESTS: Counter "tidegate_reuse_requests_total" [] "Objects of this kind that were asked for.";
    REUSE_HITS: Counter "tidegate_reuse_hits_total" [] "Objects that were used again.";
    REUSE_MISSES: Counter "tidegate_reuse_misses_total" [] "Objects that were asked for and were not there.";
    REUSE_CREATIONS: Counter "tidegate_reuse_creations_total" [] "Objects that were made.";
    REUSE_RETURNS: Counter "tidegate_reuse_returns_total" [] "Objects that came back and were kept.";
    REUSE_DISCARDED: Counter "tidegate_reuse_discarded_total" [reason] "Objects that were not kept, by reason.";
    REUSE_SAVED_BYTES: Counter "tidegate_reuse_saved_bytes_total" [] "Bytes that did not have to be allocated.";
    REUSE_SPENT_MICROS: Counter "tidegate_reuse_spent_microseconds_total" [] "Microseconds spent on taking objects and bringing them back, estimated from samples.";
    REUSE_LOW_HITS: Counter "tidegate_reuse_low_hits_total" [] "Times that the hit ratio fell below its threshold.";
    REUSE_IN_USE: Gauge "tidegate_reuse_in_use" [] "Objects that are in use.";
    REUSE_KEPT: Gauge "tidegate_reuse_kept" [] "Objects that are kept for their next use.";
    REUSE_KEPT_BYTES: Gauge "tidegate_reuse_kept_bytes" [] "Bytes of the objects that are kept.";

    LOCK_KEYS: Gauge "tidegate_lock_keys" [lock] "Keys of the lane or share that are in use.";
    LOCK_HELD: Gauge "tidegate_lock_held" [lock] "How many are inside a key of the lane or share.";
    LOCK_WAITING: Gauge "tidegate_lock_waiting" [lock] "How many wait for a key of the lane or share.";
    LOCK_OFFERED: Counter "tidegate_lock_offered_total" [lock] "How often somebody asked for a key.";
    LOCK_GRANTED: Counter "tidegate_lock_granted_total" [lock] "How often somebody got a key.";
    LOCK_QUEUED: Counter "tidegate_lock_queued_total" [lock] "How often somebody had to wait for a key.";
    LOCK_REFUSED: Counter "tidegate_lock_refused_total" [lock reason] "How often somebody asked and got no key, by reason.";
    LOCK_WAIT_SECONDS: Counter "tidegate_lock_wait_seconds_total" [lock] "Whole seconds waited by those that got a key.";

    ORDER_HOLDS: Gauge "tidegate_order_holds" [] "Things that are held by owners whom the wait-for graph knows.";
    ORDER_WAITS: Gauge "tidegate_order_waits" [] "Waits of owners whom the wait-for graph knows.";
    ORDER_DEADLOCKS: Counter "tidegate_order_deadlocks_total" [] "Cycles of waits that were found; each ended with one victim.";
    ORDER_DEADLOCK_PAIRS: Counter "tidegate_order_deadlock_pairs_total" [first second] "Cycles in which these two kinds of things stood side by side.";

    TASKS_LIVE: Gauge "tidegate_tasks_live" [] "Tasks that have not ended.";
    TASKS_LIMIT: Gauge "tidegate_tasks_limit" [] "Tasks that may live at once.";
    TASKS_ENTERED: Gauge "tidegate_scope_guards" [] "Requests and connections that are inside the scope and are not tasks.";
    TASKS_SPAWNED: Counter "tidegate_tasks_spawned_total" [] "Tasks that were started.";
    TASKS_REFUSED: Counter "tidegate_tasks_refused_total" [] "Tasks that were refused, by the limit or by a scope that has ended.";
    TASKS_PANICKED: Counter "tidegate_tasks_panicked_total" [] "Tasks that ended with a panic.";
}
