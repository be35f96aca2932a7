import type { Trigger } from '../api/model.js';
import { exact } from '../text/time.js';

const units = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
] as const;

/** When a schedule fires, in words. */
export function triggerWords(trigger: Trigger): string {
  if (trigger.type === 'cron') return `Cron ${trigger.expression}`;
  if (trigger.type === 'once') return `Once, ${exact(trigger.at)}`;
  for (const [size, name] of units) {
    if (trigger.seconds % size !== 0) continue;
    const count = trigger.seconds / size;
    return count === 1 ? `Every ${name}` : `Every ${count} ${name}s`;
  }
  return trigger.seconds === 1 ? 'Every second' : `Every ${trigger.seconds} seconds`;
}
