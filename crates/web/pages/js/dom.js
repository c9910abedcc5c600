// Builds elements without a template language: text is always text, never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an HTML element. Keys starting with `on` are listeners, the rest attributes. */
export function h(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** Makes an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

/** Makes a decorative icon from the sprite. */
export function icon(name) {
  return s('svg', { class: 'icon', 'aria-hidden': 'true', focusable: 'false' },
    s('use', { href: `/icons.svg#${name}` }));
}

/** Replaces the children of an element, without touching it when nothing changed. */
export function fill(element, ...children) {
  const next = children.flat().filter((child) => child !== null && child !== undefined);
  const same = next.length === element.childNodes.length
    && next.every((child, index) => child === element.childNodes[index]);
  if (!same) element.replaceChildren(...next);
  return element;
}

/** Arranges children, touching only those that moved: focus stays, and a log reads out what is new. */
export function arrange(element, children) {
  const wanted = new Set(children);
  for (const child of [...element.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (element.children[index] !== child) element.insertBefore(child, element.children[index] ?? null);
  });
}

/** Sets text only when it differs, so that live regions stay quiet otherwise. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or removes a boolean attribute or an ARIA state. */
export function setState(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * Returns a function that has `draw` run once with the next frame, however often it is called until
 * then. A hidden tab has no frames: there a timer does.
 */
export function coalesced(draw) {
  let timer = null;
  const run = () => {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    draw();
  };
  return () => {
    if (timer !== null) return;
    timer = setTimeout(run, 100);
    requestAnimationFrame(run);
  };
}

/** Finds one element that the page is known to have. */
export function find(selector, root = document) {
  const element = root.querySelector(selector);
  if (!element) throw new Error(`the page lacks ${selector}`);
  return element;
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
