"""The metrics that Prometheus reads at `/metrics`."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from gateway.core.measuring.plain_metrics import Count, PlainCounter, PlainHistogram

MESSAGES = PlainCounter(REGISTRY, "turngate_messages", "Messages accepted.", ["channel", "status"])
TURNS = PlainCounter(REGISTRY, "turngate_turns", "Turns ended.", ["agent", "status"])
TURN_SECONDS = PlainHistogram(
    REGISTRY,
    "turngate_turn_seconds",
    "Time from claiming a turn to recording its reply.",
    ["agent"],
    (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
RUNNING = Count()
Gauge("turngate_turns_running", "Turns running on this replica.").set_function(lambda: RUNNING.count)
WAITING = Gauge("turngate_turns_waiting", "Turns waiting for a slot on this replica.")
TAKEN_OVER = Counter("turngate_turns_taken_over", "Turns taken over from replicas that died or fell behind.")
LOOP_LAG = Histogram(
    "turngate_loop_lag_seconds",
    "How long the event loop takes to respond, measured four times a second.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
CONNECTIONS = Gauge("turngate_connections", "Open connections to the port, including WebSockets.")
CONNECTIONS_DROPPED = Counter("turngate_connections_dropped", "Connections closed to make room.", ["reason"])
DELIVERIES = Counter("turngate_deliveries", "Chunks settled.", ["channel", "state"])
HTTP_SECONDS = Histogram(
    "turngate_http_request_seconds",
    "Time from a request's header to its complete response, without WebSockets.",
    ["method", "route", "status"],
    buckets=(0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120),
)
SOCKETS = Gauge("turngate_sockets", "Open WebSockets.")
TOKENS = Counter(
    "turngate_tokens", "Tokens used by turns, as reported by their agents.", ["agent", "model", "direction"]
)
COST = Counter("turngate_cost_dollars", "Cost of turns in US dollars, as far as known.", ["agent", "model"])
OVER_BUDGET = Counter("turngate_over_budget", "Turns refused because a budget was used up.", ["agent", "budget"])
BREAKER_REFUSED = Counter(
    "turngate_breaker_refused", "Calls of agents that were spared after failing in a row.", ["agent"]
)
FELL_BACK = Counter("turngate_turns_fell_back", "Turns that the fallback of their agent was given.", ["agent"])
OUTBOX_UNSENT = Gauge(
    "turngate_outbox_unsent", "Chunks waiting to be sent, over all replicas; 10,000 means 10,000 or more."
)
OUTBOX_OLDEST = Gauge("turngate_outbox_oldest_seconds", "How long the oldest chunk has been waiting to be sent.")
QUEUED = Gauge("turngate_turns_queued", "Turns waiting for the running turn of their session, over all replicas.")
QUEUE_OLDEST = Gauge(
    "turngate_turns_queued_oldest_seconds", "How long the oldest turn has been waiting for its session."
)
INDEXED = Counter("turngate_search_indexed", "Messages that this replica added to the search index.")
INDEX_REFUSED = Counter(
    "turngate_search_refused", "Messages missing from the search index because the database rejects their words."
)
INDEX_LAG = Gauge(
    "turngate_search_lag_seconds",
    "How far the search index lags: older messages are in it; newer ones are searched one by one.",
)
POOL = Gauge("turngate_database_connections", "Connections to the database.", ["pool", "state"])
BUILD = Gauge("turngate_build_info", "Always 1; the version is in the label.", ["version"])

# Metrics of each turn are not looked up by their labels each time.
messages_taken = cache(MESSAGES.of)
turns_ended = cache(TURNS.of)
turn_seconds = cache(TURN_SECONDS.of)
