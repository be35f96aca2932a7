import { ApiClient } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import { browserStore, type Store } from '../platform/storage.js';
import { Connection, type LinkState, openSocket, type Refusal, type Socket } from '../protocol/connection.js';
import { newId, scopeOf } from '../protocol/identity.js';
import type { LiveTurns } from '../protocol/live-turns.js';
import { Outbox, type Outgoing } from '../protocol/outbox.js';
import type { Transcript } from '../protocol/transcript.js';
import type { AckFrame, ErrorFrame, HelloFrame, Message, ReadyFrame, ServerFrame } from '../wire/types.js';
import { Drafts } from './drafts.js';
import type { History } from './history.js';
import { SessionStarter } from './session-starter.js';
import { SessionView } from './session-view.js';
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
  notices: readonly Notice[] = [];
  agent: string | null = null;
  user: string | null = null;
  problem: string | null = null;
  readonly drafts: Drafts;

  readonly #ownIds = new Map<string, string>();
  readonly #api: ApiClient;
  readonly #unsent: Unsent;
  readonly #starter: SessionStarter;
  readonly #connection: Connection;
  #view: SessionView;
  #token: string;
  #replays = false;

  constructor(
    private readonly subject: Subject,
    private readonly listener: Listener,
    { store, connect, random }: Surroundings = browser(),
  ) {
    this.#token = subject.token;
    const scope = scopeOf(subject.base, subject.token, subject.user);
    this.drafts = new Drafts(store, scope);
    this.#api = new ApiClient(subject.base, subject.token);
    this.#view = this.#viewOf(subject.sessionId);
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

  get sessionId(): string | null {
    return this.#view.sessionId;
  }

  get transcript(): Transcript {
    return this.#view.transcript;
  }

  get turns(): LiveTurns {
    return this.#view.turns;
  }

  get history(): History | null {
    return this.#view.history;
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
    this.#view.load();
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

  /** Answers an agent's question. */
  choose({ approvalId, choice }: { approvalId: string; choice: string }): void {
    this.#connection.send({ type: 'choose', approval_id: approvalId, choice });
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
    this.#view.reload();
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
        if (this.#view.record(frame.message)) this.listener.arrived(frame.message);
        break;
      case 'session_deleted':
        if (frame.session_id === this.sessionId) this.#gone(frame.session_id, 'deleted');
        break;
      case 'notice':
        this.#notice(frame.text, frame.id ?? null);
        break;
      case 'error':
        this.#error(frame);
        break;
      default:
        this.#view.heard(frame);
    }
    this.listener.changed();
  }

  #ready(frame: ReadyFrame): void {
    this.user = frame.user_id;
    this.agent = frame.agent;
    this.problem = null;
    if (frame.session_id !== this.sessionId) this.#enter(frame.session_id);
    this.#view.connected(frame.last_seq, this.#replays);
    this.#flush();
  }

  /** Moves the conversation to `sessionId`, together with what was typed before there was a session. */
  #enter(sessionId: string | null): void {
    const from = this.place;
    if (sessionId && this.sessionId === null) {
      this.#unsent.move(from, sessionId);
      this.drafts.move(from, sessionId);
    }
    this.#view = this.#viewOf(sessionId);
    this.#view.load();
    this.#unsent.enter(this.place);
    this.listener.opened(sessionId);
  }

  #viewOf(sessionId: string | null): SessionView {
    return new SessionView(sessionId, this.#api, () => this.listener.changed());
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
    if (item) this.#view.acknowledge(acknowledgedRow(frame, item));
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
    this.#view = this.#viewOf(sessionId);
    this.#view.end(state);
    this.listener.gone(sessionId);
  }
}
