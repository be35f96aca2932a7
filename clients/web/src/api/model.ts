import type { Schedule } from '../wire/types.js';

export type Trigger = Schedule['trigger'];
