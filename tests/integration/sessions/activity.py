"""A session's activity as turns leave it: in its row, but not in the indexes of lists."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BEGIN = "INSERT INTO chat_sessions (user_id, agent_name, created_at) VALUES ($1, 'echo', $2) RETURNING session_id"
"""A new session of that user, at that time."""
ACT = """
    WITH acted AS (
        UPDATE chat_sessions SET last_message_at = $2, updated_at = $2 WHERE session_id = $1 RETURNING user_id, chat_id
    )
    INSERT INTO recent_activity (user_id, chat_id) SELECT user_id, chat_id FROM acted ON CONFLICT DO NOTHING
"""
"""Activity in that session, at that time."""
MISPLACED = """
    SELECT s.session_id FROM chat_sessions AS s
    WHERE s.listed_at > coalesce(s.last_message_at, s.created_at) OR s.listed_at < second_of(coalesce(s.last_message_at, s.created_at))
        AND NOT EXISTS (SELECT FROM recent_activity AS a WHERE a.user_id = s.user_id AND a.chat_id = s.chat_id)
"""
"""The sessions that lists would miss, or show in the wrong place: there must be none at any time."""
