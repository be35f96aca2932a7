"""An agent of your own as a server: checks who is asking, and answers word by word.

Start it with: AGENT_SECRET=whsec_… python server.py
"""

from __future__ import annotations

import json
import os

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError


async def answer(request: web.Request) -> web.StreamResponse:
    """Verifies the request's signature, and streams the answer as AI SDK's UI message stream."""
    body = await request.read()
    try:
        turn = Webhook(os.environ["AGENT_SECRET"]).verify(body, dict(request.headers))
    except WebhookVerificationError:
        raise web.HTTPUnauthorized from None
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for word in f"You said: {turn['messages'][-1]['content']}".split():
        chunk = {"type": "text-delta", "id": "1", "delta": f"{word} "}
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


app = web.Application()
app.router.add_post("/turn", answer)
if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
