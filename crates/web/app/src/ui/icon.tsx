// The pictograms of the app, drawn in strokes on a grid of 24.

const PATHS = {
  accept: 'M5 13l4 4L19 7',
  add: 'M12 5v14M5 12h14',
  applause: 'M7 12l5-7 2 1.5-3 4.5h7.5a1.5 1.5 0 0 1 0 3M11 14h7M11 17h6M7 12v7l3 1h5',
  back: 'M15 5l-7 7 7 7',
  calls: 'M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a1 1 0 0 1-1 1A15 15 0 0 1 4 5a1 1 0 0 1 1-1z',
  camera: 'M3 7.5A1.5 1.5 0 0 1 4.5 6h9A1.5 1.5 0 0 1 15 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 16.5zM15 10.5l6-3.5v10l-6-3.5',
  cameraOff: 'M3 3l18 18M15 15V7.5A1.5 1.5 0 0 0 13.5 6H7M4.3 6A1.5 1.5 0 0 0 3 7.5v9A1.5 1.5 0 0 0 4.5 18h9a1.5 1.5 0 0 0 1.3-.8M15 10.5l6-3.5v10l-3-1.7',
  captions: 'M4 5h16v14H4zM7.5 12H13M16 12h.5M7.5 15.5h2M12.5 15.5h4',
  chat: 'M4 5.5h16v11H10l-4.5 3.5v-3.5H4z',
  close: 'M6 6l12 12M18 6L6 18',
  console: 'M4 5h16v14H4zM7.5 9.5l3 2.5-3 2.5M12.5 15h4',
  edit: 'M5 19h3.5L19 8.5 15.5 5 5 15.5z',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  devices: 'M4 8h10M18 8h2M4 16h2M10 16h10M16 6v4M8 14v4',
  end: 'M3.5 14.5c-1-3 4-6 8.5-6s9.5 3 8.5 6l-.5 1.5-4.5-1v-3a13 13 0 0 0-7 0v3l-4.5 1z',
  erase: 'M9 5h11v14H9l-6-7zM12 9.5l5 5M17 9.5l-5 5',
  gallery: 'M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z',
  hand: 'M8 12V6a1.5 1.5 0 0 1 3 0V4.5a1.5 1.5 0 0 1 3 0V6a1.5 1.5 0 0 1 3 0v8c0 4-2.5 6.5-6 6.5-3 0-4.5-1.5-6-4.5l-1.5-3a1.4 1.4 0 0 1 2.5-1.2L8 14M11 6v5M14 6v5',
  heart: 'M12 20S4 15 4 9.5A4.2 4.2 0 0 1 12 7.5 4.2 4.2 0 0 1 20 9.5C20 15 12 20 12 20z',
  hold: 'M9 6v12M15 6v12',
  incoming: 'M18 6L7 17M7 9v8h8',
  join: 'M10 5h9v14h-9M4 12h10M11 8.5l3.5 3.5-3.5 3.5',
  keypad: 'M7 6h.01M12 6h.01M17 6h.01M7 11h.01M12 11h.01M17 11h.01M7 16h.01M12 16h.01M17 16h.01M12 20.5h.01',
  laugh: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM8 13h8c0 2.5-1.8 4-4 4s-4-1.5-4-4zM9 9v.5M15 9v.5',
  like: 'M7 11l4-7c1.5 0 2.5 1 2 3l-.7 3H18a2 2 0 0 1 2 2.3l-1 5.2A2 2 0 0 1 17 19H7zM7 11H4v8h3',
  meetings: 'M4 6h16v14H4zM4 10.5h16M8 3.5V7M16 3.5V7',
  mic: 'M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3',
  micOff: 'M3 3l18 18M9 9v2.5a3 3 0 0 0 4.5 2.6M15 11V6.5a3 3 0 0 0-5.8-1M5.5 11.5A6.5 6.5 0 0 0 16 16.7M18.5 11.5a6.5 6.5 0 0 1-.6 2.7M12 18v3',
  missed: 'M5 6l7 7 7-7M14 17h6v-6',
  moon: 'M19 14.5A7.5 7.5 0 0 1 9.5 5 7.5 7.5 0 1 0 19 14.5z',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  outgoing: 'M6 18L17 7M9 7h8v8',
  people: 'M9 11.5a3.2 3.2 0 1 0 0-6.5 3.2 3.2 0 0 0 0 6.5zM3 19c.5-3.5 3-5 6-5s5.5 1.5 6 5M16 5.5a3 3 0 0 1 0 5.8M17.5 14.3c2 .6 3.2 2.2 3.5 4.7',
  play: 'M8 5l11 7-11 7z',
  quality: 'M4 19v-3M9 19v-7M14 19V9M19 19V5',
  refresh: 'M19 12a7 7 0 1 1-2-5M19 4v4h-4',
  screen: 'M4 5h16v11H4zM9 20h6M12 8v5M9.5 10L12 7.5l2.5 2.5',
  search: 'M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5L20 20',
  send: 'M4 12l16-7-6 15-3-6z',
  signOut: 'M14 5H5v14h9M10 12h10M17 8.5l3.5 3.5-3.5 3.5',
  speaker: 'M4 5h16v9H4zM4 17h4v3H4zM10 17h4v3h-4zM16 17h4v3h-4z',
  spotlight: 'M12 4l2.3 5 5.2.6-3.9 3.6 1.1 5.3L12 15.8l-4.7 2.7 1.1-5.3-3.9-3.6L9.7 9z',
  star: 'M12 4l2.3 5 5.2.6-3.9 3.6 1.1 5.3L12 15.8l-4.7 2.7 1.1-5.3-3.9-3.6L9.7 9z',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1 1M17.4 17.4l1 1M5.6 18.4l1-1M17.4 6.6l1-1',
  surprised: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 14a1.8 2.2 0 1 1 0 4 1.8 2.2 0 0 1 0-4zM9 9v.5M15 9v.5',
  transfer: 'M4 8h13M13 4l4 4-4 4M20 16H7M11 12l-4 4 4 4',
} as const;

export type IconName = keyof typeof PATHS;

/** A pictogram; what it means is said in words beside it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" strokeWidth={isDots(name) ? 2.6 : 1.8} strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

function isDots(name: IconName): boolean {
  return name === 'keypad' || name === 'more';
}

/** The sign of the product. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" fill="var(--accent-fill)" />
      <path d="M7 11h18M7 21h6c4 0 2-10 6-10M16 21h9" fill="none" stroke="var(--on-accent)" strokeWidth="2.6" strokeLinecap="round" />
      <circle cx="25" cy="21" r="2.4" fill="var(--on-accent)" />
    </svg>
  );
}
