import type { Channel } from '../protocol/model.js';
import type { Page } from '../protocol/transcript.js';
import type {
  Agent,
  Agents,
  Me,
  RunBegun,
  Schedule,
  ScheduleDraft,
  Schedules,
  Session,
  Sessions,
  SignedIn,
  Visitor,
} from '../wire/types.js';
import { ApiProblem, problemOf, unreachable } from './problem.js';
import { type Shape, withFields, withList } from './shape.js';

const pageSize = 50;

const signedIn = withFields<SignedIn>('token', 'user_id', 'role', 'expires_at');
const visitor = withFields<Visitor>('token', 'user_id', 'expires_at');
const me = withFields<Me>('user_id', 'role', 'expires_at');
const sessions = withList<Sessions>('sessions', 'total', 'total_is_exact', 'next_cursor');
const session = withFields<Session>(
  'session_id',
  'channel',
  'agent_name',
  'title',
  'is_active',
  'updated_at',
);
const messages = withList<Page>('messages', 'next_before_id');
const agents = withList<Agents>('agents');
const schedules = withList<Schedules>('schedules');
const schedule = withFields<Schedule>('id', 'name', 'agent_name', 'trigger', 'is_active');
const runBegun = withFields<RunBegun>('session_id', 'turn_id');

/** The gateway's HTTP API as one user. Every method rejects with an ApiProblem. */
export class ApiClient {
  constructor(
    readonly base: string,
    private readonly token: string | null = null,
  ) {}

  signIn(code: string): Promise<SignedIn> {
    return this.#post('/api/sign-in', signedIn, { code });
  }

  visitor(): Promise<Visitor> {
    return this.#post('/api/visitors', visitor, {});
  }

  me(): Promise<Me> {
    return this.#ask('GET', '/api/me', me);
  }

  sessions(channel: Channel | null, cursor: string | null): Promise<Sessions> {
    return this.#ask('GET', '/api/chat/sessions', sessions, { limit: String(pageSize), channel, cursor });
  }

  session(id: string): Promise<Session> {
    return this.#ask('GET', `/api/chat/sessions/${encodeURIComponent(id)}`, session);
  }

  startSession(agent: string | null): Promise<Session> {
    return this.#post('/api/chat/sessions', session, agent ? { agent_name: agent } : {});
  }

  messages(sessionId: string, beforeId: string | null): Promise<Page> {
    const path = `/api/chat/sessions/${encodeURIComponent(sessionId)}/messages`;
    return this.#ask('GET', path, messages, { limit: String(pageSize), before_id: beforeId });
  }

  async agents(): Promise<readonly Agent[]> {
    return (await this.#ask('GET', '/api/agents', agents)).agents;
  }

  async schedules(): Promise<readonly Schedule[]> {
    return (await this.#ask('GET', '/api/schedules', schedules)).schedules;
  }

  addSchedule(draft: ScheduleDraft): Promise<Schedule> {
    return this.#post('/api/schedules', schedule, draft);
  }

  async runSchedule(id: string): Promise<void> {
    await this.#post(`/api/schedules/${encodeURIComponent(id)}/run`, runBegun, {});
  }

  #post<T>(path: string, shape: Shape<T>, body: object): Promise<T> {
    return this.#ask('POST', path, shape, {}, body);
  }

  async #ask<T>(
    method: string,
    path: string,
    shape: Shape<T>,
    query: Readonly<Record<string, string | null>> = {},
    body?: object,
  ): Promise<T> {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) if (value !== null) url.searchParams.set(name, value);
    const response = await this.#fetch(url, method, body);
    if (!response.ok) throw await problemOf(response);
    return parsed(await response.text(), response.status, shape);
  }

  async #fetch(url: URL, method: string, body?: object): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (body) headers['Content-Type'] = 'application/json';
    try {
      return await fetch(url, {
        method,
        headers,
        credentials: 'omit',
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    } catch {
      throw new ApiProblem(0, unreachable);
    }
  }
}

/** Throws an ApiProblem if the body is not what the route promises, such as a page of a proxy or a captive portal. */
function parsed<T>(text: string, status: number, shape: Shape<T>): T {
  const value = json(text);
  if (shape(value)) return value;
  throw new ApiProblem(
    status,
    'The answer did not come from the gateway. Check its address, and what stands in between.',
  );
}

/** The value of the text; undefined if it is empty or not JSON. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
