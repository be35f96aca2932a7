/** Sets the page's accent colour, with a text colour that is readable on it. */
export function applyAccent(element: HTMLElement, accent: string): void {
  if (!CSS.supports('color', accent)) {
    console.warn(`Turngate: data-accent="${accent}" is not a CSS colour; using the default accent.`);
    return;
  }
  element.style.setProperty('--turn-accent', accent);
  element.style.setProperty('--turn-accent-strong', `color-mix(in oklab, ${accent} 86%, black)`);
  element.style.setProperty('--turn-on-accent', luminance(pixel(accent)) > 0.36 ? '#101414' : '#fff');
}

function pixel(colour: string): readonly [number, number, number] {
  const pen = document.createElement('canvas').getContext('2d');
  if (!pen) return [0, 0, 0];
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = pen.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

/** WCAG 2.2, relative luminance. */
export function luminance([red, green, blue]: readonly [number, number, number]): number {
  const linear = (part: number) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
