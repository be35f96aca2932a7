export type Route =
  | { readonly place: 'home' }
  | { readonly place: 'new' }
  | { readonly place: 'session'; readonly id: string }
  | { readonly place: 'schedules' };

/** What the address names. Everything stands behind the `#`, so that a refresh comes back to it. */
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

/** Goes there; `replace` leaves no step to go back to. */
export function go(route: Route, replace = false): void {
  if (replace) {
    history.replaceState(null, '', href(route));
    dispatchEvent(new HashChangeEvent('hashchange'));
  } else location.hash = href(route);
}
