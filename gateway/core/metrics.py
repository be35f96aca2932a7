"""What is counted, for Prometheus at `/metrics`."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from gateway.core.tallies import Spreads, Tallies, Tally

MESSAGES = Tallies(REGISTRY, "turngate_messages", "Messages taken in.", ["channel", "status"])
TURNS = Tallies(REGISTRY, "turngate_turns", "Turns ended.", ["agent", "status"])
TURN_SECONDS = Spreads(
    REGISTRY,
    "turngate_turn_seconds",
    "From claiming a turn to its recorded reply.",
    ["agent"],
    (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
RUNNING = Tally()
Gauge("turngate_turns_running", "Turns that run on this replica now.").set_function(lambda: RUNNING.count)
WAITING = Gauge("turngate_turns_waiting", "Turns that wait for a slot on this replica.")
TAKEN_OVER = Counter("turngate_turns_taken_over", "Turns claimed from replicas that died or were late.")
LOOP_LAG = Histogram(
    "turngate_loop_lag_seconds",
    "How long the event loop takes to answer, asked four times a second.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
CONNECTIONS = Gauge("turngate_connections", "Connections open to the port, WebSockets included.")
CONNECTIONS_DROPPED = Counter("turngate_connections_dropped", "Connections that were cut to keep room.", ["reason"])
DELIVERIES = Counter("turngate_deliveries", "Chunks settled.", ["channel", "state"])
HTTP_SECONDS = Histogram(
    "turngate_http_request_seconds",
    "From a request's header to its whole answer, without WebSockets.",
    ["method", "route", "status"],
    buckets=(0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120),
)
SOCKETS = Gauge("turngate_sockets", "WebSockets that are open.")
TOKENS = Counter("turngate_tokens", "Tokens that turns used, as their agents report them.", ["agent", "direction"])
COST = Counter("turngate_cost_dollars", "What turns cost, in US dollars, as far as it is known.", ["agent"])
OUTBOX_UNSENT = Gauge("turngate_outbox_unsent", "Chunks that wait to be sent, of all replicas; 10,000 stands for more.")
OUTBOX_OLDEST = Gauge("turngate_outbox_oldest_seconds", "How long the oldest chunk has waited to be sent.")
QUEUED = Gauge("turngate_turns_queued", "Turns that wait for the running one of their session, of all replicas.")
QUEUE_OLDEST = Gauge("turngate_turns_queued_oldest_seconds", "How long the oldest turn has waited for its session.")
INDEXED = Counter("turngate_search_indexed", "Messages whose words this replica entered into the index of search.")
INDEX_REFUSED = Counter(
    "turngate_search_refused", "Messages without words in the index, since the database refuses theirs."
)
INDEX_LAG = Gauge(
    "turngate_search_lag_seconds",
    "All that was said before is in the index of search; what was said since is searched message by message.",
)
POOL = Gauge("turngate_database_connections", "Connections to the database.", ["pool", "state"])
BUILD = Gauge("turngate_build_info", "Always 1; the version is in the label.", ["version"])

# What each turn counts is not looked up by its labels each time.
messages_taken = cache(MESSAGES.of)
turns_ended = cache(TURNS.of)
turn_seconds = cache(TURN_SECONDS.of)
