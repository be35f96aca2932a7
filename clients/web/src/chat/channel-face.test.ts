import { describe, expect, it } from 'vitest';
import { faceOf } from './channel-face.js';

describe('the face of a channel', () => {
  it('is its own for the channels that come with the gateway', () => {
    expect(faceOf('telegram').name).toBe('Telegram');
  });

  it('bears the name of a channel that an installed package brings', () => {
    expect(faceOf('irc').name).toBe('irc');
    expect(faceOf('constructor').name).toBe('constructor');
  });
});
