import type { Session } from '../protocol/model.js';

export interface SignedIn {
  readonly token: string;
  readonly user_id: string;
  readonly role: string;
  readonly expires_at: string | null;
}

export interface Me {
  readonly user_id: string;
  readonly role: string;
}

export interface SessionPage {
  readonly sessions: readonly Session[];
  /** On pages without a cursor only. */
  readonly total?: number | null;
  /** False where there may be more than were counted. */
  readonly total_is_exact?: boolean | null;
  readonly next_cursor: string | null;
}

export interface Agent {
  readonly name: string;
  readonly kind: string;
}

export type Trigger =
  | { readonly type: 'cron'; readonly expression: string }
  | { readonly type: 'interval'; readonly seconds: number }
  | { readonly type: 'once'; readonly at: string };

export interface NewSchedule {
  readonly name: string;
  /** The gateway's default agent when it is left out. */
  readonly agent_name?: string;
  readonly prompt: string;
  readonly trigger: Trigger;
  readonly timezone: string;
}

export interface Schedule extends NewSchedule {
  readonly id: string;
  readonly agent_name: string;
  readonly is_active: boolean;
  readonly next_fire_at: string | null;
  readonly last_fire_at: string | null;
}

export interface Visitor {
  readonly token: string;
  readonly user_id: string;
  readonly expires_at: string;
}
