import { afterEach, describe, expect, test, vi } from 'vitest';
import { ApiClient } from './client.js';
import { ApiProblem } from './problem.js';

const base = 'https://gate.example';

function answers(body: string) {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status: 200 })));
}

describe('ApiClient', () => {
  afterEach(() => void vi.unstubAllGlobals());

  test('an answer with the promised fields is returned', async () => {
    answers('{"user_id":"ann","role":"user","expires_at":null,"later":1}');
    expect(await new ApiClient(base).me()).toMatchObject({ user_id: 'ann', expires_at: null });
  });

  test.each(['', '<html></html>', 'null', '[]', '"ann"', '{"user_id":"ann"}'])(
    'an answer that is something else is a problem: %s',
    async (body) => {
      answers(body);
      await expect(new ApiClient(base).me()).rejects.toThrow(ApiProblem);
    },
  );

  test('a list that is none is a problem', async () => {
    answers('{"agents":{"length":1}}');
    await expect(new ApiClient(base).agents()).rejects.toThrow(ApiProblem);
  });
});
