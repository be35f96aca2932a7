export type Route =
  | { readonly place: 'home' }
  | { readonly place: 'new' }
  | { readonly place: 'session'; readonly id: string }
  | { readonly place: 'schedules' };

/** The view that the address names. It is in the part after `#`, so that a reload returns to it. */
export function parseRoute(hash: string): Route {
  const [place, id] = hash.replace(/^#\/?/, '').split('/');
  if (place === 's' && id) return { place: 'session', id: decodeURIComponent(id) };
  if (place === 'new') return { place: 'new' };
  if (place === 'schedules') return { place: 'schedules' };
  return { place: 'home' };
}

export function href(route: Route): string {
  if (route.place === 'session') return `#/s/${encodeURIComponent(route.id)}`;
  return route.place === 'home' ? '#/' : `#/${route.place}`;
}

/** Opens a view; `replace` adds no entry to the browser's history. */
export function go(route: Route, replace = false): void {
  if (replace) {
    history.replaceState(null, '', href(route));
    dispatchEvent(new HashChangeEvent('hashchange'));
  } else location.hash = href(route);
}
