import type { ClientFrame, HelloFrame, ServerFrame } from '../wire/types.js';
import { closed, reconnectDelay } from './backoff.js';
import { parseFrame } from './frames.js';

/** `waiting`: between two attempts. `refused`: final, until `open` is called again. */
export type LinkState = 'closed' | 'connecting' | 'ready' | 'waiting' | 'refused';
export type Refusal = 'unauthenticated' | 'origin';

/** The part of the WebSocket API that a connection needs. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(data: string): void;
  close(): void;
}

export interface ConnectionOwner {
  /** Called at every attempt, so that `hello` can contain the last row that was received. */
  hello(): HelloFrame;
  heard(frame: ServerFrame): void;
  linked(state: LinkState): void;
  refused(reason: Refusal): void;
}

const readyWithin = 10_000;
const pingEvery = 25_000;
const pongWithin = 10_000;

/** A socket to the gateway that reconnects until it is closed or refused. */
export class Connection {
  #socket: Socket | null = null;
  #state: LinkState = 'closed';
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pings: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly owner: ConnectionOwner,
    private readonly connect: () => Socket,
    private readonly random: () => number = Math.random,
  ) {}

  get state(): LinkState {
    return this.#state;
  }

  open(): void {
    if (this.#socket) return;
    clearTimeout(this.#retry);
    this.#say('connecting');
    const socket = this.connect();
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(this.owner.hello()));
    socket.onmessage = (event) => this.#hear(socket, event.data);
    socket.onclose = (event) => this.#closed(socket, event.code);
    this.#expect(socket, readyWithin);
  }

  /** Connects immediately if it is waiting: the network is back, or the user pressed a button. */
  hurry(): void {
    if (this.#state !== 'waiting') return;
    this.#attempt = 0;
    this.open();
  }

  /** Returns true if the frame was sent; nothing is queued here. */
  send(frame: ClientFrame): boolean {
    if (this.#state !== 'ready' || !this.#socket) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Sends another `hello` on the same socket, after the gateway refused the session of the first. */
  helloAgain(): void {
    this.#socket?.send(JSON.stringify(this.owner.hello()));
  }

  /** Drops the socket and connects again with a new `hello`. */
  restart(): void {
    this.#drop();
    this.#attempt = 0;
    this.open();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#drop();
    this.#say('closed');
  }

  /** Reacts to a lost network, which the socket may not notice for minutes. */
  lost(): void {
    const socket = this.#socket;
    if (socket) this.#closed(socket, 1006);
  }

  /** Reconnects after a wait: the gateway says that it can't accept anything now. */
  postpone(): void {
    const socket = this.#socket;
    if (socket) this.#closed(socket, closed.restarting);
  }

  #hear(socket: Socket, data: unknown): void {
    if (socket !== this.#socket || typeof data !== 'string') return;
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.type === 'pong') {
      clearTimeout(this.#deadline);
      return;
    }
    if (frame.type === 'ready' && this.#state !== 'ready') this.#becomeReady(socket);
    this.owner.heard(frame);
  }

  #becomeReady(socket: Socket): void {
    clearTimeout(this.#deadline);
    this.#attempt = 0;
    this.#pings = setInterval(() => {
      socket.send(JSON.stringify({ type: 'ping' } satisfies ClientFrame));
      this.#expect(socket, pongWithin);
    }, pingEvery);
    this.#say('ready');
  }

  #expect(socket: Socket, within: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#closed(socket, 1006), within);
  }

  #closed(socket: Socket, code: number): void {
    if (socket !== this.#socket) return;
    this.#drop();
    if (code === closed.unauthenticated || code === closed.originNotAllowed) {
      this.#say('refused');
      this.owner.refused(code === closed.originNotAllowed ? 'origin' : 'unauthenticated');
      return;
    }
    this.#retry = setTimeout(() => this.open(), reconnectDelay(this.#attempt, code, this.random()));
    this.#attempt += 1;
    this.#say('waiting');
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#deadline);
    clearInterval(this.#pings);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #say(state: LinkState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.owner.linked(state);
  }
}

/** Opens `/ws` on the gateway at `base`. */
export function openSocket(base: string): Socket {
  const url = new URL('/ws', base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new WebSocket(url) as unknown as Socket;
}
