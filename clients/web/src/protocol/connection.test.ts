import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Exchange, Ledger, ready } from '../testing/wire.js';
import { Connection } from './connection.js';

function opened() {
  const exchange = new Exchange();
  const ledger = new Ledger();
  const connection = new Connection(ledger, exchange.connect, () => 0.5);
  connection.open();
  return { exchange, ledger, connection };
}

describe('Connection', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('says hello first, and is ready when the gateway is', () => {
    const { exchange, ledger, connection } = opened();
    exchange.last.accepts();
    expect(exchange.last.sent).toEqual([{ type: 'hello', token: 't', channel: 'web' }]);
    exchange.last.says(ready('s1'));
    expect(connection.state).toBe('ready');
    expect(ledger.states).toEqual(['connecting', 'ready']);
  });

  test('comes back after a loss and asks for what it missed', () => {
    const { exchange, ledger } = opened();
    exchange.last.accepts();
    exchange.last.says(ready('s1'));
    ledger.after = 7;
    exchange.last.hangsUp(1006);
    vi.advanceTimersByTime(1_000);
    expect(exchange.wires).toHaveLength(2);
    exchange.last.accepts();
    expect(exchange.last.heard('hello')[0]?.after).toBe(7);
  });

  test('waits longer after each failure, and from the start again after a success', () => {
    const { exchange } = opened();
    exchange.last.hangsUp(1006);
    vi.advanceTimersByTime(400);
    expect(exchange.wires).toHaveLength(2);
    exchange.last.hangsUp(1006);
    vi.advanceTimersByTime(400);
    expect(exchange.wires).toHaveLength(2);
    vi.advanceTimersByTime(300);
    exchange.last.says(ready('s1'));
    exchange.last.hangsUp(1006);
    vi.advanceTimersByTime(400);
    expect(exchange.wires).toHaveLength(4);
  });

  test.each([
    [4401, 'unauthenticated'],
    [4403, 'origin'],
  ])('does not come back after %i', (code, reason) => {
    const { exchange, ledger } = opened();
    exchange.last.hangsUp(code);
    vi.advanceTimersByTime(120_000);
    expect(ledger.refusals).toEqual([reason]);
    expect(exchange.wires).toHaveLength(1);
  });

  test('gives up a socket that answers no ping', () => {
    const { exchange } = opened();
    exchange.last.says(ready('s1'));
    vi.advanceTimersByTime(25_000);
    expect(exchange.last.heard('ping')).toHaveLength(1);
    vi.advanceTimersByTime(12_000);
    expect(exchange.wires).toHaveLength(2);
  });

  test('keeps a socket that does', () => {
    const { exchange } = opened();
    exchange.last.says(ready('s1'));
    vi.advanceTimersByTime(25_000);
    exchange.last.says({ type: 'pong' });
    vi.advanceTimersByTime(12_000);
    expect(exchange.wires).toHaveLength(1);
  });

  test('gives up a gateway that never says ready', () => {
    const { exchange } = opened();
    exchange.last.accepts();
    vi.advanceTimersByTime(11_000);
    expect(exchange.wires).toHaveLength(2);
  });

  test('skips frames it does not know, and what is no frame', () => {
    const { exchange, ledger } = opened();
    exchange.last.says({ type: 'from-the-future' });
    exchange.last.onmessage?.({ data: 'no json' });
    expect(ledger.frames).toEqual([]);
  });

  test('stays away when it was closed while waiting', () => {
    const { exchange, connection } = opened();
    exchange.last.hangsUp(1012);
    connection.close();
    vi.advanceTimersByTime(60_000);
    expect(exchange.wires).toHaveLength(1);
  });
});
