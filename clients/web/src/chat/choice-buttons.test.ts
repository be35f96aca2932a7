import { render } from 'lit';
import { describe, expect, test, vi } from 'vitest';
import type { ApprovalPart } from '../protocol/model.js';
import { approvalButtons, quickReplies } from './choice-buttons.js';

const part = (state: 'open' | 'answered' | 'closed', answer: string | null = null, expired = false) =>
  ({
    type: 'data-approval',
    data: {
      approvalId: 'a1',
      prompt: 'Go?',
      choices: ['Yes', 'No'],
      state,
      answer,
      expired,
      tool: '',
      input: {},
    },
  }) as ApprovalPart;

function shown(template: ReturnType<typeof approvalButtons>): HTMLElement {
  const place = document.createElement('div');
  render(template, place);
  return place;
}

describe('choices', () => {
  test('an open question has a button for each choice, in a group named by the question', () => {
    const choose = vi.fn();
    const place = shown(approvalButtons(part('open'), choose));
    expect(place.querySelector('[role="group"]')?.getAttribute('aria-label')).toBe('Go?');
    place.querySelectorAll('button')[1]?.click();
    expect(choose).toHaveBeenCalledWith('No');
  });

  test.each([
    [part('answered', 'Yes'), 'Answered: Yes'],
    [part('answered', 'No', true), 'Nobody answered in time: No'],
    [part('closed'), 'This question was withdrawn.'],
  ])('afterwards there are no buttons, but the outcome', (asked, words) => {
    const place = shown(approvalButtons(asked, () => undefined));
    expect(place.querySelector('button')).toBeNull();
    expect(place.textContent).toContain(words);
  });

  test('a quick reply says its text', () => {
    const say = vi.fn();
    shown(quickReplies({ type: 'data-choices', data: { choices: ['Help'] } }, say))
      .querySelector('button')
      ?.click();
    expect(say).toHaveBeenCalledWith('Help');
  });
});
