// The home page: links with an address of this exchange, and commands to copy.

import { setUpTheme } from './theme.js';

if (new URLSearchParams(location.search).has('as')) {
  location.replace(`/call${location.search}`);
}

setUpTheme();

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copy).textContent.trim();
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Select and copy';
    }
    setTimeout(() => {
      button.textContent = label;
    }, 2_000);
  });
}
