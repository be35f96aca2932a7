"""The WebSocket channel; `docs/websocket.md` describes its frames for client authors."""
