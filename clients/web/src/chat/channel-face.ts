import { css, html, type TemplateResult } from 'lit';
import { Braces, CalendarClock, Globe, type IconNode, MessageCircle, Send, SquareTerminal } from 'lucide';
import type { Channel } from '../protocol/model.js';
import { icon } from '../styles/icon.js';

export interface Face {
  readonly name: string;
  readonly icon: IconNode;
}

/** The icon and the name of each channel; its hue is the design token of the channel's name. */
export const faces = {
  web: { name: 'Web', icon: Globe },
  telegram: { name: 'Telegram', icon: Send },
  scheduled: { name: 'Scheduled', icon: CalendarClock },
  terminal: { name: 'Terminal', icon: SquareTerminal },
  api: { name: 'API', icon: Braces },
} as const satisfies Readonly<Record<string, Face>>;

export type KnownChannel = keyof typeof faces;

/** A channel of an installed package is shown by its name. */
export function faceOf(channel: Channel): Face {
  return isKnown(channel) ? faces[channel] : { name: channel, icon: MessageCircle };
}

export function isKnown(channel: Channel): channel is KnownChannel {
  return Object.hasOwn(faces, channel);
}

export function channelIcon(channel: Channel, size = 16): TemplateResult {
  const face = faceOf(channel);
  return html`<span class="channel" data-channel=${channel} title=${face.name}
    >${icon(face.icon, size)}<span class="sr">${face.name}</span></span>`;
}

export const channelHues = css`
  .channel {
    display: inline-grid;
    place-items: center;
    position: relative;
    flex: none;
  }
  [data-channel="web"] {
    color: var(--turn-web);
  }
  [data-channel="telegram"] {
    color: var(--turn-telegram);
  }
  [data-channel="scheduled"] {
    color: var(--turn-scheduled);
  }
  [data-channel="terminal"] {
    color: var(--turn-terminal);
  }
  [data-channel="api"] {
    color: var(--turn-api);
  }
`;
