// Light or dark: the system's choice until the person makes their own.

import { find, setState } from './dom.js';

const KEY = 'trunkline.theme';

/** Applies the stored choice and wires the switch. */
export function setUpTheme() {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const button = find('[data-theme-switch]');
  const isDark = () => {
    const chosen = localStorage.getItem(KEY);
    return chosen ? chosen === 'dark' : dark.matches;
  };
  const show = () => {
    document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
    setState(button, 'aria-pressed', isDark());
  };
  button.addEventListener('click', () => {
    localStorage.setItem(KEY, isDark() ? 'light' : 'dark');
    show();
  });
  dark.addEventListener('change', show);
  show();
}
