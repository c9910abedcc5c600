// Markup that somebody else wrote, as elements of this page: what is listed is built anew, nothing is copied.

import { h } from './dom.js';

/** Elements that may stay, with what they become here. */
const ELEMENTS = new Map([
  ...['b', 'blockquote', 'br', 'code', 'del', 'em', 'hr', 'i', 'ins', 'li', 'ol', 'p', 'pre', 's', 'span', 'strong',
    'sub', 'sup', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'u', 'ul'].map((name) => [name, name]),
  ['div', 'p'], ['strike', 's'], ['msft-mention', 'strong'],
  // Headings of a message are not headings of the page.
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => [name, 'strong']),
]);

/** Elements that go with all that is in them; of others only the tags go. */
const ERASED = new Set([
  'applet', 'embed', 'frame', 'frameset', 'iframe', 'link', 'math', 'meta', 'noembed', 'noframes', 'noscript',
  'object', 'script', 'style', 'svg', 'template', 'title', 'xmp',
]);

const LINK_PROTOCOLS = new Set(['http:', 'https:', 'mailto:']);
const DEEPEST = 32;
const MOST_NODES = 4_000;

/** Returns nodes that show the markup. The parser's document has no window: nothing in it runs or loads. */
export function safeNodes(markup) {
  const parsed = new DOMParser().parseFromString(markup, 'text/html');
  return children(parsed.body, { depth: 0, left: { count: MOST_NODES } });
}

/** The words of some markup, for a line in a list. */
export function plainText(markup) {
  const holder = document.createDocumentFragment();
  holder.append(...safeNodes(markup));
  return holder.textContent.replace(/\s+/g, ' ').trim();
}

function children(parent, budget) {
  return [...parent.childNodes].flatMap((node) => build(node, budget));
}

function build(node, { depth, left }) {
  left.count -= 1;
  if (left.count < 0) return [];
  if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.data)];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const name = node.localName;
  if (ERASED.has(name)) return [];
  if (depth >= DEEPEST) return [document.createTextNode(node.textContent)];
  const inner = children(node, { depth: depth + 1, left });
  if (name === 'a') {
    const href = safeLink(node.getAttribute('href'));
    return href ? [h('a', { href, rel: 'noopener noreferrer nofollow', target: '_blank' }, ...inner)] : inner;
  }
  if (name === 'img') return [document.createTextNode(node.getAttribute('alt') ?? '')];
  const becomes = ELEMENTS.get(name);
  return becomes ? [h(becomes, {}, ...inner)] : inner;
}

/** Only whole addresses: a relative one would lead somewhere in this exchange. */
function safeLink(href) {
  try {
    const url = new URL(href ?? '');
    return LINK_PROTOCOLS.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
