// A server of agents as people write it with AI SDK: it answers a turn of Turngate with a UI message stream.
// The first argument is the name that the package `ai` is installed by, the second that of its version's model class.
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";

const [core, model] = process.argv.slice(2);
const { createUIMessageStream, createUIMessageStreamResponse, stepCountIs, streamText, tool, jsonSchema } = await import(core);
const { [model]: MockLanguageModel, simulateReadableStream } = await import(`${core}/test`);

const usage = { inputTokens: { total: 3, noCache: 3 }, outputTokens: { total: 5, text: 5 } };
const finish = (unified) => ({ type: "finish", finishReason: { unified, raw: unified }, usage });
const steps = [
  [
    { type: "reasoning-start", id: "r" },
    { type: "reasoning-delta", id: "r", delta: "They want the time." },
    { type: "reasoning-end", id: "r" },
    { type: "tool-input-start", id: "c1", toolName: "clock" },
    { type: "tool-input-delta", id: "c1", delta: '{"zone":"UTC"}' },
    { type: "tool-input-end", id: "c1" },
    { type: "tool-call", toolCallId: "c1", toolName: "clock", input: '{"zone":"UTC"}' },
    finish("tool-calls"),
  ],
  [
    { type: "text-start", id: "t" },
    { type: "text-delta", id: "t", delta: "It is " },
    { type: "text-delta", id: "t", delta: "noon." },
    { type: "text-end", id: "t" },
    { type: "source", sourceType: "url", id: "s", url: "https://example.com/time", title: "Time" },
    finish("stop"),
  ],
];

/** A model with a tool, as `streamText` runs it. */
function thinks() {
  let step = 0;
  const answers = new MockLanguageModel({
    doStream: async () => ({ stream: simulateReadableStream({ chunks: steps[step++] }) }),
  });
  const inputSchema = jsonSchema({ type: "object", properties: { zone: { type: "string" } } });
  const clock = tool({ inputSchema, execute: async ({ zone }) => ({ time: "noon", zone }) });
  return streamText({ model: answers, prompt: "?", tools: { clock }, stopWhen: stepCountIs(2) }).toUIMessageStreamResponse({
    sendReasoning: true,
    sendSources: true,
    messageMetadata: ({ part }) => {
      if (part.type !== "finish") return undefined;
      const { inputTokens, outputTokens } = part.totalUsage;
      return { turngate: { usage: { input_tokens: inputTokens, output_tokens: outputTokens }, agent_session: "t-1" } };
    },
  });
}

/** A stream written by hand, as `createUIMessageStream` lets one. */
function writes(text) {
  const stream = createUIMessageStream({
    onError: (error) => `no luck: ${error.message}`,
    execute: ({ writer }) => {
      writer.write({ type: "data-progress", id: "p", data: { percent: 50 } });
      writer.write({ type: "data-progress", id: "p", data: { percent: 100 } });
      writer.write({ type: "data-blink", data: 1, transient: true });
      if (text === "fail") throw new Error("told to");
      writer.write({ type: "text-start", id: "1" });
      writer.write({ type: "text-delta", id: "1", delta: `You said: ${text}` });
      writer.write({ type: "text-end", id: "1" });
      writer.write({ type: "file", url: "https://example.com/cat.png", mediaType: "image/png" });
    },
  });
  return createUIMessageStreamResponse({ stream });
}

const server = createServer(async (request, response) => {
  const { messages } = await json(request);
  const text = messages.at(-1).content;
  const answer = text === "think" ? thinks() : writes(text);
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  Readable.fromWeb(answer.body).pipe(response);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
