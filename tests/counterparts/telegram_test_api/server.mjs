// Runs telegram-test-api on a free port and prints its URL.
import { createServer } from "node:net";
import TelegramServer from "telegram-test-api";

const probe = createServer();
await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
const { port } = probe.address();
await new Promise((resolve) => probe.close(resolve));

const server = new TelegramServer({ host: "127.0.0.1", port, storeTimeout: 3600 });
await server.start();
console.log(server.config.apiURL);
