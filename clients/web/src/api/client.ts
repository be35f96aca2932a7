import type { Channel } from '../protocol/model.js';
import type { Page } from '../protocol/transcript.js';
import type {
  Agent,
  Me,
  Schedule,
  ScheduleDraft,
  Session,
  Sessions,
  SignedIn,
  Visitor,
} from '../wire/types.js';
import { ApiProblem, problemOf, unreachable } from './problem.js';

const pageSize = 50;

/** The gateway's HTTP API as one user. Every method rejects with an ApiProblem. */
export class ApiClient {
  constructor(
    readonly base: string,
    private readonly token: string | null = null,
  ) {}

  signIn(code: string): Promise<SignedIn> {
    return this.#post('/api/sign-in', { code });
  }

  visitor(): Promise<Visitor> {
    return this.#post('/api/visitors', {});
  }

  me(): Promise<Me> {
    return this.#ask('GET', '/api/me');
  }

  sessions(channel: Channel | null, cursor: string | null): Promise<Sessions> {
    return this.#ask('GET', '/api/chat/sessions', { limit: String(pageSize), channel, cursor });
  }

  session(id: string): Promise<Session> {
    return this.#ask('GET', `/api/chat/sessions/${encodeURIComponent(id)}`);
  }

  startSession(agent: string | null): Promise<Session> {
    return this.#post('/api/chat/sessions', agent ? { agent_name: agent } : {});
  }

  messages(sessionId: string, beforeId: string | null): Promise<Page> {
    const path = `/api/chat/sessions/${encodeURIComponent(sessionId)}/messages`;
    return this.#ask('GET', path, { limit: String(pageSize), before_id: beforeId });
  }

  async agents(): Promise<readonly Agent[]> {
    return (await this.#ask<{ agents: readonly Agent[] }>('GET', '/api/agents')).agents;
  }

  async schedules(): Promise<readonly Schedule[]> {
    return (await this.#ask<{ schedules: readonly Schedule[] }>('GET', '/api/schedules')).schedules;
  }

  addSchedule(schedule: ScheduleDraft): Promise<Schedule> {
    return this.#post('/api/schedules', schedule);
  }

  async runSchedule(id: string): Promise<void> {
    await this.#post(`/api/schedules/${encodeURIComponent(id)}/run`, {});
  }

  #post<T>(path: string, body: object): Promise<T> {
    return this.#ask('POST', path, {}, body);
  }

  async #ask<T>(
    method: string,
    path: string,
    query: Readonly<Record<string, string | null>> = {},
    body?: object,
  ): Promise<T> {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) if (value !== null) url.searchParams.set(name, value);
    const response = await this.#fetch(url, method, body);
    if (!response.ok) throw await problemOf(response);
    const text = await response.text();
    return parsed(text, response.status) as T;
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

/** Throws an ApiProblem if the body is not JSON, such as a page of a proxy or a captive portal. */
function parsed(text: string, status: number): unknown {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    throw new ApiProblem(
      status,
      'The answer did not come from the gateway. Check its address, and what stands in between.',
    );
  }
}
