/** What sticks out of the page or can be scrolled sideways, but for code, tables and fields, which may. */
() => {
  const may = 'pre, .table, textarea, input, code';
  const walk = (root) =>
    [...root.querySelectorAll('*')].flatMap((element) => [
      element,
      ...(element.shadowRoot ? walk(element.shadowRoot) : []),
    ]);
  const inside = (element) => {
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) if (at.matches(may)) return true;
    return false;
  };
  const scrolls = (element) =>
    /auto|scroll/.test(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + 1;
  const box = (element) => element.getBoundingClientRect();
  const sticksOut = (element) => box(element).width > 0 && (box(element).right > innerWidth + 1 || box(element).left < -1);
  const page = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
  const found = walk(document.body)
    .filter((element) => element.checkVisibility() && !element.closest('.sr, svg') && !inside(element))
    .filter((element) => scrolls(element) || sticksOut(element))
    .map((element) => `${element.tagName}.${element.className}`);
  return [...page, ...found];
};
