import { html, nothing, type TemplateResult } from 'lit';
import type { ApprovalPart, ChoicesPart } from '../protocol/model.js';

const outcomes = { closed: 'This question was withdrawn.', answered: 'Answered' } as const;

/** An agent's question: its choices as buttons while it is open, then the answer. */
export function approvalButtons(part: ApprovalPart, choose: (choice: string) => void): TemplateResult {
  const { state, choices, tool, input, answer, expired, prompt } = part.data;
  const what = tool
    ? html`<details class="reasoning"><summary>${tool}</summary><pre>${JSON.stringify(input, null, 2)}</pre></details>`
    : nothing;
  if (state === 'open') return html`${what}${buttons(choices, prompt, choose)}`;
  const outcome =
    state === 'closed'
      ? outcomes.closed
      : `${expired ? 'Nobody answered in time' : outcomes.answered}: ${answer}`;
  return html`${what}<p class="outcome" dir="auto">${outcome}</p>`;
}

/** Quick replies below the latest message. */
export function quickReplies(part: ChoicesPart, say: (text: string) => void): TemplateResult {
  return buttons(part.data.choices, 'Suggested answers', say);
}

function buttons(choices: readonly string[], label: string, pick: (choice: string) => void): TemplateResult {
  return html`<div class="choices" role="group" aria-label=${label}>
    ${choices.map(
      (choice) =>
        html`<button class="button" type="button" dir="auto" @click=${() => pick(choice)}>${choice}</button>`,
    )}
  </div>`;
}
