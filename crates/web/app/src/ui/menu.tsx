// A menu under a button: opened by a click or an arrow key, walked by arrow keys, left by Escape or a click elsewhere.

import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

/** One line of a menu. */
export interface MenuItem {
  readonly key: string;
  readonly content: ReactNode;
  /** Whether it is the one that holds; absent where the line is something to do. */
  readonly isChosen?: boolean;
  readonly onChoose: () => void;
}

interface Props {
  label: string;
  className?: string;
  items: readonly MenuItem[];
  children: ReactNode;
}

export function Menu({ label, className = '', items, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const lines = () => [...place.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? []];
  useEffect(() => {
    if (!isOpen) return undefined;
    (lines().find((line) => line.ariaChecked === 'true') ?? lines()[0])?.focus();
    const leave = ({ target }: Event) => { if (!place.current?.contains(target as Node)) setOpen(false); };
    document.addEventListener('pointerdown', leave);
    document.addEventListener('focusin', leave);
    return () => {
      document.removeEventListener('pointerdown', leave);
      document.removeEventListener('focusin', leave);
    };
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    opener.current?.focus();
  };
  const press = (event: KeyboardEvent) => {
    const all = lines();
    const index = all.indexOf(document.activeElement as HTMLElement);
    switch (event.key) {
      case 'ArrowDown': all[(index + 1) % all.length]?.focus(); break;
      case 'ArrowUp': all.at(index - 1)?.focus(); break;
      case 'Home': all[0]?.focus(); break;
      case 'End': all.at(-1)?.focus(); break;
      case 'Escape': close(); break;
      case 'Tab': setOpen(false); return;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={place} className="menu-place">
      <button ref={opener} type="button" className={className} aria-haspopup="menu" aria-expanded={isOpen} aria-label={label} title={label}
        onClick={() => setOpen(!isOpen)} onKeyDown={({ key }) => { if (key === 'ArrowDown') setOpen(true); }}>
        {children}
      </button>
      {isOpen && (
        <div className="menu" role="menu" aria-label={label} onKeyDown={press}>
          {items.map(({ key, content, isChosen, onChoose }) => (
            <button key={key} type="button" className="menu-item" role={isChosen === undefined ? 'menuitem' : 'menuitemradio'} aria-checked={isChosen} tabIndex={-1}
              onClick={() => { onChoose(); close(); }}>
              {content}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
