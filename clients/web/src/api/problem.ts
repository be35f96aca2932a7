/** An error response, or none at all (`status` 0). `message` is written for people. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'ApiProblem';
  }

  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** Reads RFC 9457 problem details, or uses the status if there are none. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const details: unknown = await response.json().catch(() => null);
  return new ApiProblem(response.status, worded(details) ?? fallback(response.status));
}

function worded(details: unknown): string | null {
  if (typeof details !== 'object' || details === null) return null;
  if ('detail' in details && typeof details.detail === 'string' && details.detail) return details.detail;
  if ('title' in details && typeof details.title === 'string' && details.title) return details.title;
  return null;
}

function fallback(status: number): string {
  if (status === 401) return 'You are signed out.';
  if (status === 403) return 'You are not allowed to do this.';
  if (status === 404) return 'It is not there, or it is not yours.';
  if (status === 429) return 'Too many requests. Wait a moment.';
  if (status >= 500) return `The gateway could not answer (${status}).`;
  return `The gateway rejected this request (${status}).`;
}

export const unreachable = 'The gateway can’t be reached.';
