import type { Schedule } from '../wire/types.js';

export type Trigger = Schedule['trigger'];

import { exact } from '../text/time.js';

const units = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
] as const;

/** When a schedule fires, in words; its times are in the schedule's own `timeZone`. */
export function triggerWords(trigger: Trigger, timeZone?: string): string {
  if (trigger.type === 'cron') return `Cron ${trigger.expression}`;
  if (trigger.type === 'once') return `Once, ${exact(trigger.at, undefined, timeZone)}`;
  for (const [size, name] of units) {
    if (trigger.seconds % size !== 0) continue;
    const count = trigger.seconds / size;
    return count === 1 ? `Every ${name}` : `Every ${count} ${name}s`;
  }
  return trigger.seconds === 1 ? 'Every second' : `Every ${trigger.seconds} seconds`;
}
