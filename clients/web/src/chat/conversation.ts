import { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import { browserStore, type Store } from '../platform/storage.js';
import { Connection, type LinkState, openSocket, type Refusal, type Socket } from '../protocol/connection.js';
import { newId, scopeOf } from '../protocol/identity.js';
import { LiveTurns } from '../protocol/live-turns.js';
import { Outbox, type Outgoing } from '../protocol/outbox.js';
import { Transcript } from '../protocol/transcript.js';
import type { AckFrame, ErrorFrame, HelloFrame, Message, ReadyFrame, ServerFrame } from '../wire/types.js';
import { Drafts } from './drafts.js';
import { History } from './history.js';
import { SessionStarter } from './session-starter.js';
import { acknowledgedRow, Unsent } from './unsent.js';

/**
 * `resume`: if no session is given, the gateway picks one that was active recently. `fresh`: a new session, created when
 * the first message is sent.
 */
export type Start = 'resume' | 'fresh';

export interface Subject {
  readonly base: string;
  readonly token: string;
  readonly user: string | null;
  readonly agent: string | null;
  readonly sessionId: string | null;
  readonly start: Start;
}

export interface Listener {
  changed(): void;
  /** The conversation has moved to another session; null: to none yet. */
  opened(sessionId: string | null): void;
  /** The session no longer exists. */
  gone(sessionId: string): void;
  /** A live row has arrived. */
  arrived(message: Message): void;
  refused(reason: Refusal): void;
}

/** The answer to a command: shown where it arrived, but not part of the transcript. */
export interface Notice {
  readonly key: string;
  readonly text: string;
  readonly command: string | null;
  readonly afterSeq: number;
}

export interface Surroundings {
  readonly store: Store;
  readonly connect: (base: string) => Socket;
  readonly random: () => number;
}

const browser = (): Surroundings => ({ store: browserStore(), connect: openSocket, random: Math.random });
const newPlace = 'new';

/** One conversation in the browser: its rows, its unsent messages, and the connection to the gateway. */
export class Conversation {
  transcript = new Transcript();
  turns = new LiveTurns();
  notices: readonly Notice[] = [];
  agent: string | null = null;
  user: string | null = null;
  problem: string | null = null;
  sessionId: string | null;
  history: History | null = null;
  readonly drafts: Drafts;

  readonly #ownIds = new Map<string, string>();
  readonly #api: ApiClient;
  readonly #unsent: Unsent;
  readonly #starter: SessionStarter;
  readonly #connection: Connection;
  #token: string;
  #replays = false;

  constructor(
    private readonly subject: Subject,
    private readonly listener: Listener,
    { store, connect, random }: Surroundings = browser(),
  ) {
    this.#token = subject.token;
    this.sessionId = subject.sessionId;
    const scope = scopeOf(subject.base, subject.token, subject.user);
    this.drafts = new Drafts(store, scope);
    this.#api = new ApiClient(subject.base, subject.token);
    this.#unsent = new Unsent(new Outbox(store, scope), this.place);
    this.#starter = new SessionStarter(this.#api, subject.agent, random, {
      started: (id) => {
        this.#enter(id);
        this.#connection.open();
      },
      refused: (problem) => this.#unsent.refuseAll(problem),
      unauthenticated: () => listener.refused('unauthenticated'),
      changed: () => listener.changed(),
    });
    this.#connection = new Connection(
      {
        hello: () => this.#hello(),
        heard: (frame) => this.#heard(frame),
        linked: (state) => this.#linked(state),
        refused: (reason) => listener.refused(reason),
      },
      () => connect(subject.base),
      random,
    );
  }

  get pending(): readonly Outgoing[] {
    return this.#unsent.items;
  }

  get link(): LinkState {
    return this.#connection.state;
  }

  /** The key for drafts and unsent messages. */
  get place(): string {
    return this.sessionId ?? this.#newPlace;
  }

  get #newPlace(): string {
    return this.subject.start === 'fresh' ? newPlace : `${newPlace}:${this.subject.agent ?? ''}`;
  }

  /** True if there is no session, and none is being created. */
  get blank(): boolean {
    return this.sessionId === null && (this.subject.start === 'fresh' || this.link === 'ready');
  }

  open(): void {
    this.#unsent.enter(this.place);
    if (this.sessionId) this.#load(this.sessionId);
    if (this.#waitsForFirst) {
      if (this.pending.some((item) => item.problem === undefined)) void this.#starter.begin();
    } else this.#connection.open();
    this.listener.changed();
  }

  close(): void {
    this.#starter.stop();
    this.#connection.close();
  }

  send(text: string): void {
    this.#unsent.add(text);
    this.#onward();
  }

  /** Sends a refused message again. Nothing of it was stored, so its id can be reused. */
  retry(id: string): void {
    this.#unsent.retry(id);
    this.#onward();
  }

  discard(id: string): void {
    this.#unsent.drop(id);
    this.listener.changed();
  }

  /** True while a message has been sent and not acknowledged. */
  isSending(id: string): boolean {
    return this.#unsent.isSending(id);
  }

  /** The key that a row had before it was recorded, so that its element stays the same. */
  ownId(messageId: string): string | undefined {
    return this.#ownIds.get(messageId);
  }

  stop(): void {
    const turn = this.turns.running;
    if (turn) this.#connection.send({ type: 'cancel', turn_id: turn.turnId });
  }

  /** Continues without the session that no longer exists. */
  anew(): void {
    this.#enter(null);
    if (!this.#waitsForFirst) this.#connection.open();
    this.listener.changed();
  }

  older(): void {
    void this.history?.older();
  }

  /** Immediately retries everything that waits for the network. */
  hurry(): void {
    this.#connection.hurry();
    if (this.history?.state === 'failed') void this.history.load();
    if (this.#waitsForFirst && this.pending.length > 0) void this.#starter.begin();
  }

  offline(): void {
    this.#connection.lost();
  }

  get #waitsForFirst(): boolean {
    return this.subject.start === 'fresh' && this.sessionId === null && !this.#starter.begun;
  }

  #onward(): void {
    this.problem = null;
    if (this.#waitsForFirst) void this.#starter.begin();
    else this.#flush();
    this.listener.changed();
  }

  #hello(): HelloFrame {
    const after = this.transcript.lastSeq;
    this.#replays = this.sessionId !== null && after !== undefined;
    return {
      type: 'hello',
      token: this.#token,
      channel: 'web',
      ...(this.sessionId ? { session_id: this.sessionId } : {}),
      ...(this.subject.agent && !this.sessionId ? { agent: this.subject.agent } : {}),
      ...(this.sessionId && after !== undefined ? { after } : {}),
    };
  }

  #linked(state: LinkState): void {
    if (state !== 'ready') {
      this.#unsent.disconnected();
      if (state === 'waiting') this.turns.interrupted();
    }
    this.listener.changed();
  }

  #heard(frame: ServerFrame): void {
    switch (frame.type) {
      case 'ready':
        this.#ready(frame);
        break;
      case 'ack':
        this.#acknowledged(frame);
        break;
      case 'message':
        this.#row(frame.message);
        break;
      case 'session_deleted':
        if (frame.session_id === this.sessionId) this.#gone(frame.session_id, 'deleted');
        break;
      case 'message_changed':
        if (frame.message.session_id === this.sessionId) this.transcript.add(frame.message);
        break;
      case 'turn':
        if (frame.session_id === this.sessionId) this.turns.turn(frame);
        break;
      case 'delta':
        this.turns.delta(frame);
        break;
      case 'tool':
        this.turns.tool(frame);
        break;
      case 'reasoning':
        this.turns.reasoning(frame);
        break;
      case 'status':
        this.turns.doing(frame);
        break;
      case 'part':
        this.turns.part(frame);
        break;
      case 'notice':
        this.#notice(frame.text, frame.id ?? null);
        break;
      case 'error':
        this.#error(frame);
        break;
    }
    this.listener.changed();
  }

  #ready(frame: ReadyFrame): void {
    this.user = frame.user_id;
    this.agent = frame.agent;
    this.problem = null;
    if (frame.session_id !== this.sessionId) this.#enter(frame.session_id);
    // Running answers are sent again from the beginning.
    else this.turns.interrupted();
    if (this.sessionId && this.history?.state === 'failed') void this.history.load();
    // The history may have been read before live rows began to arrive.
    if (!this.#replays) void this.history?.reach(frame.last_seq);
    this.#flush();
  }

  /** Moves the conversation to `sessionId`, together with what was typed before there was a session. */
  #enter(sessionId: string | null): void {
    const from = this.place;
    const first = this.sessionId === null;
    this.sessionId = sessionId;
    this.transcript = new Transcript();
    this.turns = new LiveTurns();
    this.history = null;
    if (sessionId) {
      if (first) this.#unsent.move(from, sessionId);
      if (first) this.drafts.move(from, sessionId);
      this.#load(sessionId);
    }
    this.#unsent.enter(this.place);
    this.listener.opened(sessionId);
  }

  #load(sessionId: string): void {
    this.history = new History(this.#api, sessionId, this.transcript, () => this.listener.changed());
    void this.history.load();
  }

  #flush(): void {
    const session = this.sessionId ? { session_id: this.sessionId } : {};
    this.#unsent.flush(({ id, text }) => this.#connection.send({ type: 'send', id, text, ...session }));
  }

  #acknowledged(frame: AckFrame): void {
    const item = this.#unsent.find(frame.id);
    if (frame.session_id !== this.sessionId) this.#enter(frame.session_id);
    this.#unsent.drop(frame.id);
    this.#ownIds.set(frame.message_id, frame.id);
    if (!item || this.transcript.rows.some(({ id }) => id === frame.message_id)) return;
    this.transcript.add(acknowledgedRow(frame, item));
    this.#fillHoles();
  }

  #row(message: Message): void {
    if (message.session_id !== this.sessionId) return;
    this.turns.recorded(message);
    if (this.transcript.add(message)) this.listener.arrived(message);
    this.#fillHoles();
  }

  #fillHoles(): void {
    if (this.transcript.hole()) void this.history?.fill();
  }

  #notice(text: string, id: string | null): void {
    const command = (id === null ? undefined : this.#unsent.find(id))?.text ?? null;
    if (id) this.#unsent.drop(id);
    if (command?.trim() === '/new' && this.sessionId) this.#enter(null);
    const afterSeq = this.transcript.lastSeq ?? 0;
    this.notices = [...this.notices, { key: id ?? newId(), text, command, afterSeq }];
  }

  #error(frame: ErrorFrame): void {
    // The message stays unsent, and is sent again over the next connection.
    if (frame.id && this.#unsent.find(frame.id) && frame.code === 'unavailable') this.#connection.postpone();
    else if (frame.id && this.#unsent.find(frame.id)) {
      this.#unsent.refuse(frame.id, frame.message || frame.code);
      if (frame.code === 'not_found' && this.sessionId) void this.#check(this.sessionId);
    } else if (frame.code === 'not_found' && this.link !== 'ready' && this.sessionId)
      this.#missing(this.sessionId);
    else this.problem = frame.message || frame.code;
  }

  /** Handles a message whose session or agent doesn't exist; the gateway says which. */
  async #check(sessionId: string): Promise<void> {
    try {
      await this.#api.session(sessionId);
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404 && sessionId === this.sessionId)
        this.#gone(sessionId, 'deleted');
    }
    this.listener.changed();
  }

  /** Leaves a session that was resumed automatically; reports one that was asked for as missing. */
  #missing(sessionId: string): void {
    if (this.subject.start !== 'resume') {
      this.#gone(sessionId, 'missing');
      return;
    }
    // Messages that were written to it go to the new session.
    this.#unsent.move(sessionId, this.#newPlace);
    this.#enter(null);
    this.#connection.helloAgain();
  }

  /** Forgets everything about the session except the draft. */
  #gone(sessionId: string, state: 'missing' | 'deleted'): void {
    this.#connection.close();
    this.#unsent.clear();
    if (!this.drafts.at(this.#newPlace)) this.drafts.move(sessionId, this.#newPlace);
    this.drafts.keep(sessionId, '');
    this.notices = [];
    this.problem = null;
    this.turns = new LiveTurns();
    this.transcript = new Transcript();
    this.history = new History(this.#api, sessionId, this.transcript, () => this.listener.changed());
    this.history.state = state;
    this.listener.gone(sessionId);
  }
}
