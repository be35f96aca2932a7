// AI SDK's chat, moved by lines of JSON: {"call", "do", …} on stdin, {"call", "answer" | "error"} on stdout.
// The arguments are the names that the packages `@ai-sdk/react` and `ai` are installed by.
import { createInterface } from "node:readline";

const [react, core] = process.argv.slice(2);
const { Chat } = await import(react);
const { DefaultChatTransport, parseJsonEventStream, uiMessageChunkSchema, validateUIMessages } = await import(core);

const pages = new Map();

function open({ page, url, token, id, messages = [], body, hook }) {
  const state = { heard: [], finished: [], pending: Promise.resolve(), drops: new Set(), answered: () => {} };
  const transport = new DefaultChatTransport({
    api: `${url}/api/chat`,
    headers: { Authorization: `Bearer ${token}` },
    body,
    fetch: (target, options) => fetch(target, droppable(options, state.drops)).finally(() => state.answered()),
  });
  state.chat = new Chat({
    id,
    messages,
    transport: hook ? wrapped(transport) : transport,
    onData: (part) => state.heard.push(part),
    onFinish: ({ isAbort, isDisconnect, isError }) => state.finished.push({ isAbort, isDisconnect, isError }),
  });
  pages.set(page, state);
  return id;
}

/** As `useChat` hands a transport on when it makes the chat itself: without `resumeStreamIsReplay`. */
function wrapped(transport) {
  return {
    sendMessages: (options) => transport.sendMessages(options),
    reconnectToStream: (options) => transport.reconnectToStream(options),
  };
}

/** A request whose connection `drop` cuts as a broken network does: the SDK knows nothing of it. */
function droppable(options, drops) {
  const cut = new AbortController();
  const error = () => new TypeError("network error");
  drops.add(() => cut.abort(error()));
  const signal = options.signal ? AbortSignal.any([options.signal, cut.signal]) : cut.signal;
  return { ...options, signal };
}

function begin(state, act) {
  state.pending = act().then(
    () => null,
    (error) => String(error),
  );
  return null;
}

const deeds = {
  open,
  send: ({ page, ...message }) => begin(pages.get(page), () => pages.get(page).chat.sendMessage(message)),
  regenerate: ({ page, messageId }) => begin(pages.get(page), () => pages.get(page).chat.regenerate({ messageId })),
  resume: async ({ page }) => {
    const state = pages.get(page);
    const answered = new Promise((resolve) => {
      state.answered = resolve;
    });
    begin(state, () => state.chat.resumeStream());
    await answered;
  },
  stop: ({ page }) => pages.get(page).chat.stop(),
  drop: ({ page }) => pages.get(page).drops.forEach((cut) => cut()) ?? null,
  settle: ({ page }) => pages.get(page).pending,
  look: ({ page }) => {
    const { chat, heard, finished } = pages.get(page);
    return { status: chat.status, messages: chat.messages, error: chat.error?.message ?? null, heard, finished };
  },
  validate: ({ messages }) => validateUIMessages({ messages }),
  parse: async ({ text }) => {
    const chunks = [];
    const stream = new Blob([text]).stream();
    for await (const chunk of parseJsonEventStream({ stream, schema: uiMessageChunkSchema })) {
      if (!chunk.success) throw chunk.error;
      chunks.push(chunk.value);
    }
    return chunks;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, do: deed, ...options } = JSON.parse(line);
  Promise.resolve()
    .then(() => deeds[deed](options))
    .then(
      (answer) => ({ call, answer: answer ?? null }),
      (error) => ({ call, error: String(error) }),
    )
    .then((said) => process.stdout.write(`${JSON.stringify(said)}\n`));
}
