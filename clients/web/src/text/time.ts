const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How long ago, short enough for a list row: "now", "5 min", "3 h", "Mon", "12 Nov", "12 Nov 2024". */
export function shortAgo(at: string, now: Date, locale?: string): string {
  const then = new Date(at);
  const passed = now.getTime() - then.getTime();
  if (passed < minute) return 'now';
  if (passed < hour) return `${Math.floor(passed / minute)} min`;
  if (daysBetween(then, now) === 0) return `${Math.floor(passed / hour)} h`;
  if (daysBetween(then, now) === 1) return 'Yesterday';
  if (passed < 6 * day) return format(then, { weekday: 'short' }, locale);
  const sameYear = then.getFullYear() === now.getFullYear();
  return format(then, { day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }, locale);
}

/** The time until or since a moment: "in 5 min", "in 3 h", "2 days ago". */
export function fromNow(at: string, now: Date): string {
  const distance = new Date(at).getTime() - now.getTime();
  const [amount, unit] = measured(Math.abs(distance));
  if (amount === 0) return distance < 0 ? 'just now' : 'in a moment';
  const words = unit === 'day' ? `${amount} ${amount === 1 ? 'day' : 'days'}` : `${amount} ${unit}`;
  return distance < 0 ? `${words} ago` : `in ${words}`;
}

/** The label of the line between two days of a conversation. */
export function dayLine(at: string, now: Date, locale?: string): string {
  const then = new Date(at);
  const apart = daysBetween(then, now);
  if (apart === 0) return 'Today';
  if (apart === 1) return 'Yesterday';
  const sameYear = then.getFullYear() === now.getFullYear();
  const shape = { weekday: 'long', day: 'numeric', month: 'long' } as const;
  return format(then, sameYear ? shape : { ...shape, year: 'numeric' }, locale);
}

export function clock(at: string, locale?: string): string {
  return format(new Date(at), { hour: '2-digit', minute: '2-digit' }, locale);
}

/** The date and time to the second, shown on hover. */
export function exact(at: string, locale?: string, timeZone?: string): string {
  return format(
    new Date(at),
    { dateStyle: 'medium', timeStyle: 'medium', ...(timeZone && { timeZone }) },
    locale,
  );
}

export function sameDay(a: string, b: string): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

function daysBetween(then: Date, now: Date): number {
  return Math.round((midnight(now) - midnight(then)) / day);
}

function midnight(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

function measured(distance: number): [number, 'min' | 'h' | 'day'] {
  if (distance < hour) return [Math.floor(distance / minute), 'min'];
  if (distance < 2 * day) return [Math.floor(distance / hour), 'h'];
  return [Math.floor(distance / day), 'day'];
}

function format(at: Date, shape: Intl.DateTimeFormatOptions, locale?: string): string {
  return new Intl.DateTimeFormat(locale, shape).format(at);
}
