// Light or dark: the system's choice until the person makes their own.

import { Store } from './store';

const KEY = 'trunkline.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

export type Theme = 'light' | 'dark';

export const theme = new Store<{ shown: Theme }>({ shown: current() });

/** Shows the theme and follows the system. */
export function setUpTheme(): void {
  const show = () => {
    const shown = current();
    document.documentElement.dataset.theme = shown;
    theme.set({ shown });
  };
  system.addEventListener('change', show);
  addEventListener('storage', ({ key }) => { if (key === KEY) show(); });
  show();
}

/** Changes to the other theme, and keeps it. */
export function switchTheme(): void {
  const next: Theme = current() === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // A browser that keeps nothing shows the choice for as long as the page is open.
  }
  document.documentElement.dataset.theme = next;
  theme.set({ shown: next });
}

function current(): Theme {
  const chosen = stored();
  return chosen ?? (system.matches ? 'dark' : 'light');
}

function stored(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'dark' || value === 'light' ? value : undefined;
  } catch {
    return undefined;
  }
}
