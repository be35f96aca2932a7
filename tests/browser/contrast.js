/** Every visible text of the page whose contrast with what lies behind it is under `least`; `[ratio, text, class]`. */
(least) => {
  const paper = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    paper.clearRect(0, 0, 1, 1);
    paper.fillStyle = color;
    paper.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paper.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const luminance = (color) => {
    const [r, g, b] = color.map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const parent = (element) => element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null;
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = parent(at)) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const texts = (root) =>
    [...root.querySelectorAll('*')].flatMap((element) => [
      ...[...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()),
      ...(element.shadowRoot ? texts(element.shadowRoot) : []),
    ]);
  return texts(document)
    .map((node) => node.parentElement ?? node.getRootNode().host)
    .filter((element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((element) => !element.closest('style, script, :disabled, .sr'))
    .map((element) => {
      const ground = behind(element);
      const ink = over(rgba(getComputedStyle(element).color), ground);
      return [Math.round(ratio(ink, ground) * 100) / 100, element.textContent.trim().slice(0, 40), element.className];
    })
    .filter(([found]) => found < least);
};
